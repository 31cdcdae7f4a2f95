package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// buffered is a source whose deliveries have waited in its buffer, so that little of their leases is left.
type buffered struct {
	*leaseSpy

	left time.Duration
}

func (b *buffered) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	batch, err := b.leaseSpy.FetchTransactions(ctx, limit)
	for i, tx := range batch {
		d := tx.Delivery()
		d.ExpiresAt = time.Now().Add(b.left)
		batch[i] = tx.WithDelivery(d)
	}
	return batch, err
}

// withBuffered gives a rig a source of one transaction, of whose lease so much is left.
func (r *rig) withBuffered(j *journal, left time.Duration, faults ...memory.Fault) {
	r.withLeases(j, transactionsOf("a"), faults...)
	r.Source = &buffered{leaseSpy: r.Source.(*leaseSpy), left: left}
	r.Policy.Process, r.Policy.Loop.TransactionTimeout = once(time.Hour), 0
}

// worksFor is a handler that takes so long, and notes why it was cancelled.
func worksFor(j *journal, d time.Duration) ergon.Task {
	return ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
		select {
		case <-time.After(d):
			j.note(tx.ID() + " done")
			return nil, nil
		case <-ctx.Done():
			j.note(tx.ID() + " cancelled: " + context.Cause(ctx).Error())
			return nil, context.Cause(ctx)
		}
	}}
}

// [K7] What a delivery says of its end counts: it is extended when a quarter of what is left is over, and then with all others.
func TestDeliveryWithLittleTimeLeftIsExtendedInTime(t *testing.T) {
	for left, want := range map[time.Duration][]string{
		4 * time.Second:  {"1s extend 1", "10s extend 1", "12s a done", "12s settle a ack"},
		lease - 1:        {"9.999999999s extend 1", "10s extend 1", "12s a done", "12s settle a ack"},
		lease:            {"10s extend 1", "12s a done", "12s settle a ack"},
		time.Millisecond: {"1ms a cancelled: " + capability.ErrStaleDelivery.Error()},
	} {
		t.Run(left.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				r := newRig(worksFor(j, 12*time.Second))
				r.withBuffered(j, left)
				r.Policy.Loop.Limit = 1
				r.run(t)
				wantIn(t, j, want...)
			})
		})
	}
}

// wantIn wants these entries of a journal, and no others but fetches.
func wantIn(t *testing.T, j *journal, want ...string) {
	t.Helper()
	var got []string
	for _, entry := range j.all() {
		if !strings.Contains(entry, " fetch ") {
			got = append(got, entry)
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// [K7] An extension that fails is repeated with less time left, and the handler is cancelled when the delivery expires.
func TestDeliveryThatCannotBeExtendedExpiresWhenItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r := newRig(worksFor(j, time.Hour))
		r.withBuffered(j, 4*time.Second, memory.Fail(memory.OnExtend, nil).Always())
		r.Policy.Loop.Limit = 1
		r.run(t)
		all := j.all()
		if len(all) < 6 || all[1] != "1s extend 1" || all[2] != "1.75s extend 1" || all[3] != "2.3125s extend 1" {
			t.Errorf("got %q", all)
		}
		if last := all[len(all)-1]; last != "4s a cancelled: "+capability.ErrStaleDelivery.Error() {
			t.Errorf("got %q last", last)
		}
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Redelivered: 1})
	})
}

// [K6] [K7] A machine that was suspended: its monotonic clock stood still, and its wall clock says that the lease is over. Nobody works
// on, or settles, what the source has given to another.
func TestWallClockEndsALease(t *testing.T) {
	for asleep, want := range map[time.Duration]string{
		29*time.Second + 999*time.Millisecond: "12s a done",
		30 * time.Second:                      "10s a cancelled: " + capability.ErrStaleDelivery.Error(),
	} {
		t.Run(asleep.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				r := newRig(worksFor(j, 12*time.Second))
				r.withLeases(j, transactionsOf("a"))
				r.Policy.Process, r.Policy.Loop.Limit, r.Policy.Loop.TransactionTimeout = once(time.Hour), 1, 0
				loop, err := pipeline.New(r.Settings)
				if err != nil {
					t.Fatal(err)
				}
				var slept atomic.Int64
				loop.SetWallClock(func() time.Time { return time.Now().Round(0).Add(time.Duration(slept.Load())) })
				time.AfterFunc(time.Second, func() { slept.Store(int64(asleep)) })
				if err := loop.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(j.all(), "\n"); !strings.Contains(got, want) {
					t.Errorf("got\n%s\nwant %q", got, want)
				}
			})
		})
	}
}

const maxHold = 30 * time.Minute

// holding gives a rig a queue without leases whose deliveries are taken back after maxHold.
func (r *rig) holding(ids ...string) {
	r.Queue = memory.New(memory.Settings{Transactions: transactionsOf(ids...), Finite: true, Record: true, MaxHold: maxHold})
	r.Source = r.Queue
}

// [K7] A transaction timeout that the source does not allow is refused, and the error says what to set.
func TestTransactionTimeoutAboveTheLongestHoldIsRefused(t *testing.T) {
	for timeout, refused := range map[time.Duration]bool{0: false, 27 * time.Minute: false, 27*time.Minute + 1: true} {
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
		r.holding("a")
		r.Policy.Loop.TransactionTimeout = timeout
		_, err := pipeline.New(r.Settings)
		if (err != nil) != refused {
			t.Errorf("%s: got %v", timeout, err)
		}
		if timeout == 0 { // the default gives way to a shorter hold
			r.Queue = memory.New(memory.Settings{Finite: true, MaxHold: time.Minute})
			r.Source, r.Policy.Loop.TransactionTimeout = r.Queue, policy.DefaultConsumer().Loop.TransactionTimeout
			if _, err := pipeline.New(r.Settings); err != nil {
				t.Errorf("the default: got %v", err)
			}
		}
		if refused && !strings.Contains(err.Error(), "held for 30m0s at most, and a tenth of that") {
			t.Errorf("%s: got %v", timeout, err)
		}
	}
}

// [K7] The time of a transaction is the longest hold less a tenth, from its fetch on: its handler is cancelled then, and the settlement is
// still in time.
func TestLongestHoldBoundsATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r := newRig(worksFor(j, time.Hour))
		r.holding("a")
		r.Policy.Process, r.Policy.Loop.OnException = once(2*time.Hour), policy.OnExceptionDiscard
		r.Policy.Loop.TransactionTimeout = 0
		r.run(t)
		wantIn(t, j, "27m0s a cancelled: "+ergon.ErrTransactionTimeout.Error())
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Discarded: 1})
	})
}

// [K7] What has waited for its first attempt until the source lets it be held no longer goes back uncounted, and is not run.
func TestTransactionThatWaitedTooLongGoesBack(t *testing.T) {
	for first, want := range map[time.Duration]pipeline.Outcome{
		27*time.Minute - time.Second: pipeline.Succeeded, 27 * time.Minute: pipeline.Interrupted,
	} {
		t.Run(first.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
					if tx.ID() == "a" {
						_ = ctx // it does not respect its time, but ends with it
						time.Sleep(first)
					}
					return nil, nil
				}})
				r.holding("a", "b")
				r.Policy.Process, r.Policy.Loop.OnException = once(27*time.Minute), policy.OnExceptionDiscard
				r.Policy.Loop.Batch.Prefetch, r.Policy.Loop.Batch.Size, r.Policy.Loop.TransactionTimeout = 1, 2, 0
				r.run(t)
				results := r.all()
				for _, result := range results {
					if result.Transaction.ID() == "b" {
						if result.Outcome != want {
							t.Errorf("b: got %s, want %s", result.Outcome, want)
						}
						break
					}
				}
				got := r.settlementsOf("b")
				if want == pipeline.Interrupted && (len(got) != 2 || !got[0].Interrupted || got[1].Action != policy.SettleAck) {
					t.Errorf("b was settled as %+v, want given back and then acknowledged", got)
				}
			})
		})
	}
}

// [K7] A handler that is not bounded by its time, because it is an exception handler, loses the delivery at the end of the longest hold.
func TestDeliveryIsLostAtTheEndOfTheLongestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r := newRig(ergon.Task{
			Process: func(context.Context, ergon.Transaction) (any, error) { return nil, errors.New("no") },
			Exception: func(ctx context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
				<-ctx.Done()
				j.note(tx.ID() + " cancelled: " + context.Cause(ctx).Error())
				return ergon.Discard(), nil
			},
		})
		r.holding("a")
		r.Policy.Loop.Limit = 1
		r.Policy.Process, r.Policy.Exception = once(time.Minute), once(time.Hour)
		r.run(t)
		wantIn(t, j, "30m0s a cancelled: "+capability.ErrStaleDelivery.Error())
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Redelivered: 1})
	})
}
