package bench_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/bench"
)

// BenchmarkScale is what one transaction takes in ever longer runs, beside the shortest.
func BenchmarkScale(b *testing.B) { compare(b, bench.Scale()) }
