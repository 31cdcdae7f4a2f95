package coalesce_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/fence"
	"github.com/ergon-go/ergon/policy"
)

// [B2] A dispatch waits for the interval and no longer, also if the one that waited before it leaves.
func TestIntervalHoldsAlsoBehindADispatchThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(slow(j, nil), policy.ProducerBatch{Size: 100, Interval: 100 * time.Millisecond})
		after(o, 0, "in-progress")
		sleep(10 * time.Millisecond)
		next := after(o, 40*time.Millisecond, "next")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 60*time.Millisecond, errScripted)
		defer cancel()
		if err := o.DispatchTransactions(ctx, transactionsOf("leaves")); !errors.Is(err, errScripted) {
			t.Errorf("the one that leaves was told %v", err)
		}
		if err := <-next; err != nil {
			t.Error(err)
		}
		j.want(t, "0s in-progress", "150ms next")
	})
}

// [B2] No more than sixteen calls are in progress; what waits meanwhile is sent when one of them returns.
func TestCallsInProgressAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(dispatcher(func(_ context.Context, batch []ergon.Transaction) error {
			j.note(idsOf(batch))
			sleep(time.Second)
			return nil
		}), policy.ProducerBatch{Size: 100, Interval: time.Millisecond})
		var want []string
		for i := range 18 {
			at := time.Duration(i) * 10 * time.Millisecond
			after(o, at, fmt.Sprint(i))
			switch {
			case i == 0:
				want = append(want, "0s 0")
			case i < 16:
				want = append(want, fmt.Sprint(at+time.Millisecond, " ", i))
			}
		}
		sleep(10 * time.Second)
		j.want(t, append(want, "1s 16 17")...)
		if !o.Idle() {
			t.Error("it is not idle when all have returned")
		}
	})
}

// [F4] [B2] Whoever dispatches again by itself, because the call that it shared failed as a whole, is in progress all the time.
func TestFlushWaitsForWhatIsDispatchedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := coalesce.New(slow(newJournal(), func(batch []ergon.Transaction) error {
			if len(batch) > 1 {
				return errScripted
			}
			return nil
		}), policy.ProducerBatch{Size: 100, Interval: time.Hour})
		began := time.Now()
		after(o, 0, "first")
		a, b := after(o, 1, "a"), after(o, 2, "b")
		sleep(3)
		if err := o.Flush(t.Context()); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("flushed after %s with %v, want 3s: a call, one that failed, and two alone", time.Since(began), err)
		}
		if err := errors.Join(<-a, <-b); err != nil {
			t.Error(err)
		}
	})
}

// store is a connector that dispatches on by another coalescer, and the collector of what goes to it.
type store struct {
	*journal

	collected int
}

func (s *store) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	s.note(idsOf(batch))
	return nil
}

func (*store) Derive(batch []ergon.Transaction) []ergon.Transaction { return batch }
func (s *store) Store() coalesce.Store                              { return s }
func (s *store) SharesStore(to ergon.Dispatcher) bool               { return to == ergon.Dispatcher(s) }

func (s *store) Collect(_ ergon.Dispatcher, batch []ergon.Transaction) error {
	s.collected += len(batch)
	return nil
}

type valueKey struct{}

// [T1] [B2] [B3] A call for several belongs to none of them: if the connector dispatches on, neither is it refused because the attempt of
// the first was given up, nor does that one's collector take what the others dispatch. Other values are the first one's.
func TestCallForSeveralIsNoOnesAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempt, sink := &givenUp{}, &store{journal: newJournal()}
		inner := coalesce.New(sink, policy.ProducerBatch{Size: 1})
		o := coalesce.New(dispatcher(func(ctx context.Context, batch []ergon.Transaction) error {
			if len(batch) > 1 && ctx.Value(valueKey{}) != "first" {
				t.Errorf("the call has the value %v", ctx.Value(valueKey{}))
			}
			sleep(time.Second)
			return inner.DispatchTransactions(ctx, batch)
		}), policy.ProducerBatch{Size: 100, Interval: time.Hour})
		ctx := context.WithValue(context.Background(), fence.Key{}, fence.Attempt(attempt))
		ctx = context.WithValue(ctx, coalesce.CollectorKey{}, coalesce.Collector(sink))
		ctx = context.WithValue(ctx, valueKey{}, "first")
		after(o, 0, "in-progress")
		go func() {
			sleep(1)
			_ = o.DispatchTransactions(ctx, transactionsOf("a"))
		}()
		b := after(o, 2, "b")
		time.AfterFunc(1500*time.Millisecond, func() { attempt.Store(true) })
		if err := <-b; err != nil {
			t.Errorf("its neighbour was told %v", err)
		}
		sink.want(t, "1s in-progress", "2s a b")
		if sink.collected != 0 {
			t.Errorf("%d were collected for the first", sink.collected)
		}
		attempt.Store(false)
		if err := inner.DispatchTransactions(ctx, transactionsOf("c", "d")); err != nil || sink.collected != 2 {
			t.Errorf("%d were collected in the attempt itself, %v; want both", sink.collected, err)
		}
	})
}
