package bench_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/bench"
)

// BenchmarkLifecycle is what one transaction takes whose handlers do nothing, beside the bare pool.
func BenchmarkLifecycle(b *testing.B) {
	for _, heap := range []struct {
		name  string
		bytes int
	}{{"empty heap", 0}, {"64 MiB heap", bench.Ballast}} {
		b.Run(heap.name, func(b *testing.B) {
			err := bench.WithHeap(heap.bytes, func() error {
				compare(b, bench.Entries(bench.Lifecycle(), bench.Noop()))
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
