package bench_test

import (
	"testing"

	"github.com/ergon-go/ergon/bench"
)

// BenchmarkAttempt is what bounding one call costs. The engine's own is the difference of two lifecycles, with one call and
// with two.
func BenchmarkAttempt(b *testing.B) {
	entries := bench.Attempts()
	b.Run("ergon: inline, watchdog", func(b *testing.B) {
		one, two := bench.Row{}, bench.Row{}
		for _, items := range turns(b.N) {
			one.Rounds = append(one.Rounds, measure(b, entries[0], items))
			two.Rounds = append(two.Rounds, measure(b, entries[1], items))
		}
		report(b, two.Minus(one, "").Median())
		b.ReportMetric(0, "ns/op") // of both lifecycles, which is of no use
	})
	for _, e := range entries[2:] {
		b.Run(e.Name, func(b *testing.B) {
			b.ReportAllocs()
			report(b, measure(b, e, b.N))
		})
	}
}

func TestEveryWayToBoundACallMakesIt(t *testing.T) {
	for _, e := range bench.Attempts() {
		t.Run(e.Name, func(t *testing.T) {
			work, processed, succeeded := counted(e.Work)
			const items = 321
			got, err := e.Run(t.Context(), items, work)
			if err != nil {
				t.Fatal(err)
			}
			wantSuccesses := int64(0)
			if e.Work.Success != nil {
				wantSuccesses = items
			}
			if got != items || processed.Load() != items || succeeded.Load() != wantSuccesses {
				t.Errorf("of %d items %d were reported, %d processed and %d of %d handled as a success",
					items, got, processed.Load(), succeeded.Load(), wantSuccesses)
			}
		})
	}
}
