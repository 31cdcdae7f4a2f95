package bench_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/bench"
)

// BenchmarkExports is throughput with handlers that are busy for 100 µs while everything is exported.
func BenchmarkExports(b *testing.B) { compare(b, bench.Exports()) }

func TestExportingEngineTakesEveryItemThrough(t *testing.T) {
	for _, e := range bench.Exports() {
		t.Run(e.Name, func(t *testing.T) { takesEveryItemThrough(t, e.Contestant, 1_234) })
	}
}
