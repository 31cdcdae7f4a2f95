package bench_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/bench"
)

func BenchmarkEnqueue(b *testing.B) { compareQueues(b, bench.Enqueue) }

func BenchmarkClaimAndSettle(b *testing.B) { compareQueues(b, bench.Settle) }

func BenchmarkHop(b *testing.B) { compareQueues(b, bench.Hop) }

func BenchmarkRiverEnqueue(b *testing.B) { compareQueues(b, bench.RiverEnqueue) }

func BenchmarkRiverWork(b *testing.B) { compareQueues(b, bench.RiverWork) }

func TestEveryWayThroughAQueueTakesAllItemsThrough(t *testing.T) {
	for name, contestants := range map[string]func(*bench.QueueFiles) []bench.Contestant{
		"enqueue": bench.Enqueue, "settle": bench.Settle, "hop": bench.Hop, "end to end": bench.EndToEnd,
		"River's enqueue": bench.RiverEnqueue, "River's work": bench.RiverWork,
	} {
		t.Run(name, func(t *testing.T) {
			files := bench.NewQueueFiles(t.TempDir())
			for _, c := range contestants(files) {
				for range 2 { // each run begins anew
					if _, err := bench.Measure(t.Context(), c, 250, 1, bench.Noop()); err != nil {
						t.Error(err)
					}
				}
			}
			if err := files.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClaimsOfAQueueAreTimed(t *testing.T) {
	claim, settle, err := bench.Claims(t.Context(), bench.NewQueueFiles(t.TempDir()), 200, 3)
	if err != nil || claim <= 0 || settle <= 0 {
		t.Errorf("got %s, %s, %v", claim, settle, err)
	}
}

func compareQueues(b *testing.B, contestants func(*bench.QueueFiles) []bench.Contestant) {
	b.Helper()
	files := bench.NewQueueFiles(b.TempDir())
	compare(b, bench.Queued(contestants(files)))
	if err := files.Close(); err != nil {
		b.Error(err)
	}
}
