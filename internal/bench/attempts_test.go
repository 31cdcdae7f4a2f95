package bench_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/bench"
)

// BenchmarkAttempt is what bounding one call costs. The engine's own is the difference of two lifecycles, with one call and
// with two.
func BenchmarkAttempt(b *testing.B) {
	entries := bench.Attempts()
	b.Run("ergon: inline, watchdog", func(b *testing.B) {
		report(b, bench.AttemptRows(rows(b, entries[:2]...))[0].Median())
	})
	for _, e := range entries[2:] {
		b.Run(e.Name, func(b *testing.B) { report(b, rows(b, e)[0].Median()) })
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
