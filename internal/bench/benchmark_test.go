package bench_test

import (
	"testing"
	"time"

	"github.com/ergon-go/ergon/internal/bench"
)

// length of one measurement. Of -benchtime=1s, that leaves a handful of rounds.
const length = 100 * time.Millisecond

// compare runs a benchmark of each entry, each by turns with the first, so that the ratio is of figures from the same time.
func compare(b *testing.B, entries []bench.Entry) {
	b.Helper()
	for _, e := range entries {
		b.Run(e.Name, func(b *testing.B) {
			rows := rows(b, entries[0], e)
			report(b, rows[1].Median())
			wall, cpu := rows[1].Ratio(rows[0])
			b.ReportMetric(wall, "ratio")
			b.ReportMetric(cpu, "cpu-ratio")
		})
	}
}

// rows measures entries by turns. One operation is a round of all of them, whose time says nothing.
func rows(b *testing.B, entries ...bench.Entry) []bench.Row {
	b.Helper()
	comparison, err := bench.Compare(b.Context(), length, entries...)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := comparison.Round(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
	return comparison.Rows()
}

func report(b *testing.B, f bench.Figures) {
	b.Helper()
	b.ReportMetric(f.Wall, "ns/tx")
	b.ReportMetric(f.CPU, "cpu-ns/tx")
	b.ReportMetric(f.Allocs, "allocs/tx")
	b.ReportMetric(f.Bytes, "bytes/tx")
	b.ReportMetric(f.Rate(), "tx/s")
}
