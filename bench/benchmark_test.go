package bench_test

import (
	"testing"

	"github.com/ergon-go/ergon/bench"
)

// compare runs a benchmark of each entry, each by turns with the first, so that the ratio is of figures from the same time.
func compare(b *testing.B, entries []bench.Entry) {
	b.Helper()
	for _, e := range entries {
		b.Run(e.Name, func(b *testing.B) { against(b, e, entries[0]) })
	}
}

// against measures e; one operation is one transaction. The clock and the allocations of the package testing are those of
// e alone.
func against(b *testing.B, e, base bench.Entry) {
	b.Helper()
	b.ReportAllocs()
	b.StopTimer()
	b.ResetTimer()
	rows := []bench.Row{{Contestant: e.Contestant}, {Contestant: base.Contestant}}
	for _, items := range turns(b.N) {
		b.StartTimer()
		rows[0].Rounds = append(rows[0].Rounds, measure(b, e, items))
		b.StopTimer()
		rows[1].Rounds = append(rows[1].Rounds, measure(b, base, items))
	}
	report(b, rows[0].Median())
	b.ReportMetric(rows[0].Ratio(rows[1]), "ratio")
}

// turns splits n into a few parts, unless they were so short that starting and stopping counted.
func turns(n int) []int {
	const most, least = 5, 20_000
	parts := min(most, max(1, n/least))
	split := make([]int, parts)
	for i := range split {
		split[i] = n*(i+1)/parts - n*i/parts
	}
	return split
}

func measure(b *testing.B, e bench.Entry, items int) bench.Figures {
	b.Helper()
	figures, err := bench.Measure(b.Context(), e.Contestant, items, 1, e.Work)
	if err != nil {
		b.Fatal(err)
	}
	return figures
}

func report(b *testing.B, f bench.Figures) {
	b.Helper()
	b.ReportMetric(f.Wall, "ns/tx")
	b.ReportMetric(f.CPU, "cpu-ns/tx")
	b.ReportMetric(f.Allocs, "allocs/tx")
	b.ReportMetric(f.Bytes, "bytes/tx")
	b.ReportMetric(f.Rate(), "tx/s")
}
