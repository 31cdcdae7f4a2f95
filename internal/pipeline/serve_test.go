package pipeline_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

// handOver is how long a worker serves the loop before another takes its place.
const handOver = 100 * time.Microsecond

// begun is when transactions began, and how many ran at once at most.
type begun struct {
	mu            sync.Mutex
	begin         time.Time
	at            map[string]time.Duration
	running, most int
}

// newServingRig is a loop over 120 transactions of a second each, with so many slots that workers serve it coarsely: 40 run
// and 40 wait. With faults its source is slow now and then.
func newServingRig(execution policy.Execution, faults ...memory.Fault) (*rig, *begun) {
	b := &begun{begin: time.Now(), at: map[string]time.Duration{}}
	r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
		b.mu.Lock()
		b.at[tx.ID()] = time.Since(b.begin)
		b.running++
		b.most = max(b.most, b.running)
		b.mu.Unlock()
		time.Sleep(time.Second)
		b.mu.Lock()
		b.running--
		b.mu.Unlock()
		return nil, nil
	}})
	r.Queue = memory.New(memory.Settings{Transactions: transactionsOf(numbered(120)...), Finite: true, Record: true})
	r.Source = memory.WithFaults(r.Queue, faults...)
	r.Policy.Loop.Execution = execution
	r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Prefetch = 40, 40
	r.Policy.Settle.Size, r.Policy.Settle.Interval = 40, time.Hour
	return r, b
}

// between reports how many transactions began from after on, before the other.
func (b *begun) between(from, to time.Duration) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, at := range b.at {
		if from <= at && at < to {
			n++
		}
	}
	return n
}

func (b *begun) want(t *testing.T, n int) {
	t.Helper()
	if len(b.at) != n || b.most > 40 {
		t.Errorf("%d transactions ran, at most %d at once; want %d, at most 40", len(b.at), b.most, n)
	}
}

// [L1, L2] The fetch that a worker makes while others wait takes ten seconds. What waits begins without it, later by a
// hand-over at most, and there are never more at once than there are slots, also when that worker comes back.
func TestSlowFetchByAWorkerHoldsNothingUp(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r, b := newServingRig(execution, memory.Stall(memory.OnFetch, 10*time.Second).At(2))
		r.run(t)
		b.want(t, 120)
		if first, second := b.between(0, 1), b.between(time.Second, time.Second+handOver+1); first != 40 || second != 40 {
			t.Errorf("%d transactions began at once and %d a second later, want 40 and 40", first, second)
		}
		if third := b.between(11*time.Second, 11*time.Second+handOver+1); third != 40 {
			t.Errorf("%d transactions began when the fetch was over, want the other 40", third)
		}
	})
}

// [S4, L1] The same with a settlement that takes ten seconds.
func TestSlowSettlementByAWorkerHoldsNothingUp(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r, b := newServingRig(execution, memory.Stall(memory.OnSettle, 10*time.Second).At(1))
		r.run(t)
		b.want(t, 120)
		for i, from := range []time.Duration{0, time.Second, 2 * time.Second} {
			if n := b.between(from, from+time.Duration(i)*handOver+1); n != 40 {
				t.Errorf("%d transactions began after %s, want 40", n, from)
			}
		}
		if got := len(r.Queue.Settlements()); got != 120 {
			t.Errorf("%d transactions are settled, want 120", got)
		}
	})
}

// [T4, S3] A shutdown does not wait for the fetch that a worker makes.
func TestShutdownEndsTheFetchOfAWorker(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r, b := newServingRig(execution, memory.Stall(memory.OnFetch, time.Hour).At(2))
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		begin := time.Now()
		cancel()
		_ = r.wait()
		if took := time.Since(begin); took != 0 {
			t.Errorf("the shutdown took %s, want none: nothing was running", took)
		}
		b.want(t, 80)
	})
}
