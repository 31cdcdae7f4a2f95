package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
)

// attached is a queue that attaches as it is told.
type attached struct {
	*memory.Queue

	attach func(context.Context, capability.Deliveries) error
}

func (a attached) Attach(ctx context.Context, deliveries capability.Deliveries) error {
	return a.attach(ctx, deliveries)
}

// [K3] A source that cannot attach, or does not within the time of a fetch, ends the loop before anything is fetched.
func TestSourceThatDoesNotAttachEndsTheLoop(t *testing.T) {
	for name, c := range map[string]struct {
		attach func(context.Context, capability.Deliveries) error
		after  time.Duration
	}{
		"fails": {func(context.Context, capability.Deliveries) error { return errRefused }, 0},
		"hangs": {func(ctx context.Context, _ capability.Deliveries) error { <-ctx.Done(); return ctx.Err() }, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a")
				r.Source = attached{r.Queue, c.attach}
				r.Policy.Fetch.Retry.Timeout = 5 * time.Second
				began := time.Now()
				r.start(t.Context(), t)
				failed, ok := errors.AsType[*pipeline.FetchError](r.wait())
				if !ok || time.Since(began) != c.after || r.Queue.InFlight() != 0 {
					t.Errorf("it ended with %v after %s, want a FetchError after %s and nothing fetched", failed, time.Since(began), c.after)
				}
			})
		})
	}
}

// [K3] Wake ends the pause after an empty fetch, and not the fetch. After the end of the loop the handle does nothing.
func TestWakeEndsThePauseAfterAnEmptyFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		var handle capability.Deliveries
		var over context.Context
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			j.note("process " + tx.ID())
			return nil, nil
		}})
		r.Queue = memory.New(memory.Settings{})
		r.Source = attached{r.Queue, func(ctx context.Context, deliveries capability.Deliveries) error {
			handle, over = deliveries, ctx
			return nil
		}}
		r.Policy.Loop.Streaming = true
		r.Policy.Loop.EmptyQueue.Interval = time.Hour
		r.Policy.Loop.EmptyQueue.BackoffCap = time.Hour
		r.start(t.Context(), t)
		sleep(10 * time.Minute)
		if err := r.Queue.DispatchTransactions(t.Context(), transactionsOf("a")); err != nil {
			t.Fatal(err)
		}
		handle.Wake()
		sleep(time.Minute)
		r.stop()
		if err := r.wait(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		j.want(t, "10m0s process a")
		if over.Err() == nil {
			t.Error("the context of Attach lasts longer than the loop")
		}
		handle.Revoke(context.Background(), func(ergon.Delivery) bool { t.Error("a loop that has ended was asked"); return true })
		handle.Lost(func(ergon.Delivery) bool { t.Error("a loop that has ended was asked"); return true })
	})
}

// [K3] What a source that can take back has not started is requeued as interrupted, what runs may end, and what does not is cancelled.
func TestRevocationOfACompetingSourceGivesBackWhatHasNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		var handle capability.Deliveries
		r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			if tx.Delivery().Count > 1 || tx.ID() == "c" {
				return nil, nil
			}
			d := map[string]time.Duration{"a": 2 * time.Second, "b": time.Minute}[tx.ID()]
			if err := takesOr(d, nil)(ctx); err != nil {
				j.note(tx.ID() + " is cancelled")
				return nil, err
			}
			j.note(tx.ID() + " ends")
			return nil, nil
		}}, "a", "b", "c")
		r.Source = attached{memory.WithFaults(r.Queue, memory.OverDeliver(1)).Queue, func(_ context.Context, d capability.Deliveries) error {
			handle = d
			return nil
		}}
		r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Prefetch = 2, 1
		r.Policy.Process = once(2 * time.Minute)
		r.start(t.Context(), t)
		sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		r.consumer.Pause() // otherwise what is given back comes again at once
		handle.Revoke(ctx, func(ergon.Delivery) bool { return true })
		synctest.Wait() // for the handler that is cancelled at the same time
		j.note("revoked")
		r.consumer.Resume()
		sleep(time.Second)
		r.stop()
		_ = r.wait()
		j.want(t, "2s a ends", "5s b is cancelled", "5s revoked")
		if got := r.settlementsOf("c"); len(got) == 0 || !got[0].Interrupted {
			t.Errorf("got settlements of c %v, want it requeued as interrupted first", got)
		}
		if got := r.settlementsOf("b"); len(got) != 0 {
			t.Errorf("got settlements of b %v, want none", got)
		}
	})
}
