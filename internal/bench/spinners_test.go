package bench_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ergon-go/ergon/internal/bench"
)

// maxSlower is how much later the engine may be than goroutines with a select.
const maxSlower = 1.5

// [T1] BenchmarkSpinners is how late the timeouts of handlers are that compute and do not look at their context, beside goroutines
// with a select, in turns in the same run. It fails where the median of the engine's 99th percentiles, which of few are the latest, is
// above one and a half times theirs. The latest of all is reported beside it.
func BenchmarkSpinners(b *testing.B) {
	const rounds, timeout = 5, 100 * time.Millisecond
	for _, n := range []int{8, 50, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var engine, base, latest, latestBase []time.Duration
			for b.Loop() {
				for range rounds {
					e, err := bench.SpinnersOf(b.Context(), n, timeout)
					if err != nil {
						b.Fatal(err)
					}
					g, err := bench.GoroutinesOf(b.Context(), n, timeout)
					if err != nil {
						b.Fatal(err)
					}
					engine, base = append(engine, e.At(0.99)), append(base, g.At(0.99))
					latest, latestBase = append(latest, e.At(1)), append(latestBase, g.At(1))
				}
			}
			ours, theirs := median(engine), median(base)
			b.ReportMetric(float64(ours.Milliseconds()), "ms-late")
			b.ReportMetric(float64(theirs.Milliseconds()), "base-ms-late")
			b.ReportMetric(float64(median(latest).Milliseconds()), "ms-latest")
			b.ReportMetric(float64(median(latestBase).Milliseconds()), "base-ms-latest")
			if ratio := float64(ours) / float64(theirs); ratio > maxSlower {
				b.Errorf("%s late, %s without the engine: %.2f times, want %.1f at most", ours, theirs, ratio, maxSlower)
			}
		})
	}
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// Every computation is given up once, and the sums agree.
func TestSpinnersAreAllGivenUp(t *testing.T) {
	l, err := bench.SpinnersOf(t.Context(), 4, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	g, err := bench.GoroutinesOf(t.Context(), 4, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Late) != 4 || len(g.Late) != 4 || l.At(0) < 0 || g.At(0) < 0 {
		t.Errorf("got %v and %v, want 4 timeouts each, none too early", l.Late, g.Late)
	}
}
