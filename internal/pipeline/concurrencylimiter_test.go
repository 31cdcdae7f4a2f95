package pipeline_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

// backend takes 100 ms for a call, and longer where more call it at once than it has room for.
type backend struct{ room, calls, most atomic.Int64 }

func (b *backend) call(context.Context, ergon.Transaction) (any, error) {
	const took = 100 * time.Millisecond
	n := b.calls.Add(1)
	defer b.calls.Add(-1)
	raise(&b.most, n)
	sleep(max(took, took*time.Duration(n)/time.Duration(b.room.Load())))
	return nil, nil
}

// [L5] The concurrency rises while a transaction takes as long as ever, falls when more at once only make each slower, and
// rises again when that is over. It never leaves its bounds, and those that run heed it.
func TestConcurrencyAdaptsToLatencyWithinItsBounds(t *testing.T) {
	const least, start, most = 3, 6, 24
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		b := &backend{}
		b.room.Store(1000)
		r := newRig(ergon.Task{Process: b.call})
		r.Source, r.OnEnd = memory.NewGenerator(1_000_000, nil), nil
		shape(r)
		r.Policy.Loop.Batch.Size = 200
		r.Policy.Loop.Concurrency = policy.Concurrency{Value: start, Min: least, Max: most}
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		defer func() {
			cancel()
			_ = r.wait()
		}()
		if got := r.consumer.Snapshot().Concurrency; got != start {
			t.Errorf("%d may run at once, want %d at the start", got, start)
		}
		before := start
		within := func(what string, bound time.Duration, reached func(limit int) bool) {
			t.Helper()
			for range bound / time.Second {
				sleep(time.Second)
				limit, calls := r.consumer.Snapshot().Concurrency, int(b.calls.Load())
				if limit < least || limit > most || calls > max(limit, before) {
					t.Fatalf("%s: %d run and %d may, a second ago %d; want %d to %d", what, calls, limit, before, least, most)
				}
				before = limit
				if reached(limit) {
					return
				}
			}
			t.Fatalf("%s: %d may run at once after %s", what, before, bound)
		}
		within("room for all", time.Minute, func(limit int) bool { return limit == most })
		b.room.Store(start)
		within("room for few", 3*time.Minute, func(limit int) bool { return limit < most/2 })
		b.room.Store(1000)
		within("room for all again", 2*time.Minute, func(limit int) bool { return limit == most })
		if got := b.most.Load(); got != most {
			t.Errorf("%d ran at once, want %d at most and all of them in the end", got, most)
		}
	})
}

// [L5] Where the least and the most are not set, the concurrency stays, whatever the latency does.
func TestConcurrencyIsFixedWithoutBounds(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		b := &backend{}
		b.room.Store(2)
		r := newRig(ergon.Task{Process: b.call})
		r.Source = memory.NewGenerator(2000, nil)
		shape(r)
		r.Policy.Loop.Concurrency.Value = 5
		r.run(t)
		if got := r.consumer.Snapshot().Concurrency; got != 5 || b.most.Load() != 5 {
			t.Errorf("%d may run at once and %d did, want 5", got, b.most.Load())
		}
	})
}
