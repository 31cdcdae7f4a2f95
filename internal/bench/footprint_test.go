package bench_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/bench"
)

// BenchmarkFootprint is the memory of one of 100,000 transactions in flight that wait; one operation is all of them.
func BenchmarkFootprint(b *testing.B) {
	const inFlight = 100_000
	for _, w := range bench.Footprints() {
		b.Run(w.Name, func(b *testing.B) {
			var bytes []float64
			for b.Loop() {
				each, err := w.Footprint(b.Context(), inFlight)
				if err != nil {
					b.Fatal(err)
				}
				bytes = append(bytes, each)
			}
			b.ReportMetric(bench.Median(bytes), "bytes/tx")
		})
	}
}

// A footprint is an error unless all calls are in flight at once. Each has a stack of 2 KiB at least.
func TestFootprintIsOfCallsThatAreAllInFlight(t *testing.T) {
	const inFlight = 10_000 // enough that what other tests leave behind hardly counts
	for _, w := range bench.Footprints() {
		t.Run(w.Name, func(t *testing.T) {
			each, err := w.Footprint(t.Context(), inFlight)
			if err != nil {
				t.Fatal(err)
			}
			if each < 2<<10 {
				t.Errorf("%.0f bytes for each call in flight, which is less than its stack", each)
			}
		})
	}
}
