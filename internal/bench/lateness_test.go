package bench_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/bench"
)

// BenchmarkTimeouts is how late the timeouts of 1,000 handlers are that ignore their context, beside bare timers. One
// operation is all of them.
func BenchmarkTimeouts(b *testing.B) {
	const stuck, timeout = 1_000, 100 * time.Millisecond
	b.Run("ergon", func(b *testing.B) {
		var worst bench.Lateness
		for b.Loop() {
			l, err := bench.TimeoutsOf(b.Context(), stuck, timeout)
			if err != nil {
				b.Fatal(err)
			}
			worst = worse(worst, l)
		}
		reportLateness(b, worst)
		b.ReportMetric(float64(worst.Goroutines), "goroutines-left")
		b.ReportMetric(float64(worst.Live), "live-bytes")
	})
	b.Run("bare timers", func(b *testing.B) {
		var worst bench.Lateness
		for b.Loop() {
			l, err := bench.TimersOf(b.Context(), stuck, timeout)
			if err != nil {
				b.Fatal(err)
			}
			worst = worse(worst, l)
		}
		reportLateness(b, worst)
	})
}

func worse(a, b bench.Lateness) bench.Lateness {
	if a.At(1) > b.At(1) {
		return a
	}
	return b
}

func reportLateness(b *testing.B, l bench.Lateness) {
	b.Helper()
	b.ReportMetric(float64(l.At(0.99).Microseconds()), "p99-late-µs")
	b.ReportMetric(float64(l.At(1).Microseconds()), "max-late-µs")
}

// [T1] In virtual time, where nothing else is slow, no timeout is late, however many there are at once.
func TestTimeoutsOfHandlersThatIgnoreTheirContextAreExactInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stuck = 300
		start := time.Now()
		l, err := bench.TimeoutsOf(t.Context(), stuck, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Late) != stuck || l.At(0) != 0 || l.At(1) != 0 {
			t.Errorf("%d timeouts, %s to %s late; want %d, none of them late", len(l.Late), l.At(0), l.At(1), stuck)
		}
		if took := time.Since(start); took < time.Second {
			t.Errorf("over after %s, before the first deadline", took)
		}
		if l.Goroutines > 0 {
			t.Errorf("%d goroutines are left", l.Goroutines)
		}
	})
}

func TestTimersAreExactInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := bench.TimersOf(t.Context(), 100, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Late) != 100 || l.At(1) != 0 {
			t.Errorf("%d timers, at most %s late; want 100, none of them late", len(l.Late), l.At(1))
		}
	})
}
