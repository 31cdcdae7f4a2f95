package pipeline_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
)

// hangingConnector is a source and a store of dead letters of which one method never heeds its context, until it is released.
type hangingConnector struct {
	*memory.Queue

	in       string
	release  chan struct{}
	now, max atomic.Int64
}

func (d *hangingConnector) at(method string) {
	if d.in != method {
		return
	}
	d.max.Store(max(d.max.Load(), d.now.Add(1)))
	defer d.now.Add(-1)
	<-d.release
}

func (d *hangingConnector) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	d.at("fetch")
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return d.Queue.FetchTransactions(ctx, limit)
}

func (d *hangingConnector) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	d.at("settle")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return d.Queue.SettleTransactions(ctx, batch)
}

func (*hangingConnector) LeaseDuration() time.Duration { return 4 * time.Second }

func (d *hangingConnector) ExtendLeases(context.Context, []ergon.Transaction) error {
	d.at("extend")
	return nil
}

func (d *hangingConnector) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	d.at("letters")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return d.Queue.DispatchTransactions(ctx, batch)
}

// [F1] However long a method of the source or of the store of dead letters does not return, no more than 64 of its calls are in progress
// at once, over all loops of a worker; the 65th is an error. Once they return the worker continues as if nothing had been.
func TestCallsThatDoNotReturnAreBounded(t *testing.T) {
	for _, method := range []string{"fetch", "settle", "extend", "letters"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := &hangingConnector{
					in: method, release: make(chan struct{}), Queue: memory.New(memory.Settings{Transactions: transactionsOf(numbered(500)...)}),
				}
				store := &hangingConnector{in: method, release: source.release, Queue: memory.New(memory.Settings{})}
				task := ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
					sleep(10 * time.Second)
					return nil, ergon.Business(errScripted)
				}}
				hanging := &pipeline.Hanging{}
				var r *rig
				begin := func() {
					r = newRig(task)
					r.Source, r.Hanging = source, hanging
					r.Policy.Loop.Streaming = true
					r.Policy.Loop.Concurrency.Value = 4
					r.Policy.Settle.Retry = retrying(2, time.Second, 0).Retry
					r.Policy.Settle.RequeueDelay = time.Second
					r.Policy.Fetch.Retry = retrying(2, time.Second, 0).Retry
					r.withDeadLetters(store)
					r.start(t.Context(), t)
				}
				for range 100 { // lives of a worker, which begins anew where a loop ends with an error
					begin()
					select {
					case <-r.done:
					case <-time.After(5 * time.Minute):
						r.stop()
						<-r.done
					}
				}
				if got := source.max.Load() + store.max.Load(); got != 64 {
					t.Errorf("%d calls hung at once, want 64", got)
				}
				close(source.release)
				synctest.Wait()
				if source.now.Load()+store.now.Load() != 0 {
					t.Error("calls are under way after they were released")
				}
				fresh := transactionsOf("x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7")
				if err := source.Queue.DispatchTransactions(t.Context(), fresh); err != nil {
					t.Fatal(err)
				}
				begin()
				sleep(30 * time.Second)
				if got := r.consumer.Snapshot().Outcomes[pipeline.DeadLettered]; got < 8 {
					t.Errorf("%d were dead-lettered in the half minute after that, want 8 at least", got)
				}
				r.stop()
				_ = r.wait()
			})
		})
	}
}
