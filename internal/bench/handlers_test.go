package bench_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/bench"
)

// BenchmarkBusyHandlers is throughput with handlers that are busy for 10 µs; 100/ratio is its percentage of the pool's.
func BenchmarkBusyHandlers(b *testing.B) { compare(b, bench.BusyHandlers()) }

// BenchmarkSleepingHandlers is 10,000 handlers at once that wait for 1 ms, beside goroutines behind a semaphore.
func BenchmarkSleepingHandlers(b *testing.B) { compare(b, bench.SleepingHandlers()) }

func TestBusyAndSleepingContestantsTakeEveryItemThrough(t *testing.T) {
	for _, entries := range [][]bench.Entry{bench.BusyHandlers(), bench.SleepingHandlers()} {
		for _, e := range entries {
			t.Run(e.Name, func(t *testing.T) { takesEveryItemThrough(t, e.Contestant, 12_345) })
		}
	}
}
