package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ergon-go/ergon/connector/postgres"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/queuemodel"
)

func FuzzQueueDoesWhatItsRulesSay(f *testing.F) { queuemodel.Fuzz(f, modelled) }

func TestQueueDoesWhatItsRulesSay(t *testing.T) { queuemodel.Test(t, modelled, 10) }

// modelled makes queues of one schema: making tables is what would take the time.
func modelled(tb testing.TB) func(t *testing.T) queuemodel.Store {
	tb.Helper()
	b := newBench(tb)
	dead := b.deadLetters(tb)
	n := 0
	return func(t *testing.T) queuemodel.Store {
		t.Helper()
		n++
		if _, err := dead.DropDeadLetters(t.Context(), deadletter.Filter{All: true}); err != nil {
			t.Fatal(err)
		}
		queue := b.queue(t, func(s *postgres.QueueSettings) {
			s.Queue = fmt.Sprint("q", n)
			s.Lease, s.DedupWindow, s.MaxDeliveries = queuemodel.Lease, queuemodel.DedupWindow, queuemodel.MaxDeliveries
		})
		return queuemodel.Store{
			Queue: queue, Letters: dead, Now: b.now, Advance: func(t *testing.T, d time.Duration) { t.Helper(); b.advance(t, d) },
		}
	}
}
