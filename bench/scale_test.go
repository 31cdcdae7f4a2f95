package bench_test

import (
	"testing"

	"github.com/ergon-go/ergon/bench"
)

// BenchmarkScale is what one transaction takes in ever longer runs; one operation is one run.
func BenchmarkScale(b *testing.B) {
	for _, e := range bench.Scale() {
		b.Run(e.Name, func(b *testing.B) {
			var row bench.Row
			for b.Loop() {
				row.Rounds = append(row.Rounds, measure(b, e, e.Items))
			}
			report(b, row.Median())
		})
	}
}
