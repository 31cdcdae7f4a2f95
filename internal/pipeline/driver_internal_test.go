package pipeline

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// failingOnce fails the first attempt of each transaction.
func failingOnce() func(context.Context, ergon.Transaction) (any, error) {
	seen := map[string]bool{}
	return func(_ context.Context, tx ergon.Transaction) (any, error) {
		if !seen[tx.ID()] {
			seen[tx.ID()] = true
			return nil, errHandler
		}
		return nil, nil
	}
}

// [R5] A backoff of longestInSlot keeps the worker; one that is a moment longer is waited out outside of the pool, and the worker is free.
// Both count as a retry when the attempt begins, and not before.
func TestDriverWaitsLongBackoffsBesideThePool(t *testing.T) {
	for backoff, inSlot := range map[time.Duration]bool{longestInSlot: true, longestInSlot + 1: false} {
		t.Run(backoff.String(), func(t *testing.T) {
			r := newRunFixture(failingOnce())
			r.policy.Process.Retry.Backoff = backoff
			inRunFixture(t, r, func(t *testing.T) {
				begin := time.Now()
				w, f := r.worker(), r.fetch("a")[0]
				if !w.run(f) {
					t.Error("the worker has lost the flight")
				}
				if inSlot {
					if took := time.Since(begin); took != backoff || r.total(retries) != 1 {
						t.Errorf("the worker was free after %s and %d retries, want %s and 1", took, r.total(retries), backoff)
					}
					r.wantSettlements(t, "a succeeded ack")
					return
				}
				if took := time.Since(begin); took != 0 || r.waiting.count.Load() != 1 || r.total(retries) != 0 {
					t.Errorf("the worker was free after %s, %d wait, %d retries; want at once, 1, 0", took, r.waiting.count.Load(), r.total(retries))
				}
				time.Sleep(backoff - 1)
				synctest.Wait()
				if due := r.pool.takeDue(); len(due) != 0 {
					t.Error("the wait was over too early")
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				due := r.pool.takeDue()
				if !slices.Equal(due, []*flight{f}) {
					t.Fatalf("%d flights are due, want the one", len(due))
				}
				r.wantSettlements(t)
				w.run(f)
				if n := r.total(retries); n != 1 {
					t.Errorf("%d retries are counted, want 1", n)
				}
				r.wantSettlements(t, "a succeeded ack")
			})
		})
	}
}

// [R5] [T3] The clock of a transaction stands still from when it is due to when it has a slot.
func TestDriverMovesTheDeadlineOfWhatWaitedForASlot(t *testing.T) {
	r := newRunFixture(failingOnce())
	r.policy.Process.Retry.Backoff, r.policy.Loop.TransactionTimeout = 10*time.Second, time.Minute
	inRunFixture(t, r, func(t *testing.T) {
		w, f := r.worker(), r.fetch("a")[0]
		w.run(f)
		before := f.deadline
		time.Sleep(10*time.Second + 7*time.Second) // due, and without a slot
		synctest.Wait()
		due := r.pool.takeDue()
		if len(due) != 1 {
			t.Fatalf("%d flights are due, want 1", len(due))
		}
		w.run(f)
		if moved := time.Duration(f.deadline - before); moved != 7*time.Second {
			t.Errorf("the deadline was moved by %s, want 7s", moved)
		}
	})
}

// [T3] A backoff that ends at the transaction's deadline leaves no room for another attempt: it fails at once. One that ends a moment
// before does.
func TestDriverDoesNotWaitBeyondTheTransactionsTime(t *testing.T) {
	for left, fails := range map[time.Duration]bool{time.Second: true, time.Second + 1: false} {
		t.Run(left.String(), func(t *testing.T) {
			r := newRunFixture(failingOnce())
			r.policy.Loop.TransactionTimeout = left
			inRunFixture(t, r, func(t *testing.T) {
				begin := time.Now()
				r.worker().run(r.fetch("a")[0])
				want, took := "a succeeded ack", time.Second
				if fails {
					want, took = "a dead_lettered reject", 0
				}
				r.wantSettlements(t, want)
				if got := time.Since(begin); got != took {
					t.Errorf("it took %s, want %s", got, took)
				}
			})
		})
	}
}

// [R1] The beginning of a shutdown ends a backoff. The transaction goes back uncounted.
func TestDriverEndsABackoffAtShutdown(t *testing.T) {
	r := newRunFixture(failingOnce())
	inRunFixture(t, r, func(t *testing.T) {
		begin := time.Now()
		time.AfterFunc(time.Second/3, func() { close(r.shutdown.started) })
		r.worker().run(r.fetch("a")[0])
		r.wantSettlements(t, "a interrupted requeue uncounted")
		if took := time.Since(begin); took != time.Second/3 {
			t.Errorf("the backoff ended after %s, want a third of a second", took)
		}
	})
}

// [L8] A worker continues with what its transaction held back: one after the other, in order.
func TestDriverRunsWhatTheKeyHeldBack(t *testing.T) {
	var order []string
	r := newRunFixture(func(_ context.Context, tx ergon.Transaction) (any, error) {
		order = append(order, tx.ID())
		return nil, nil
	})
	r.ordered = true
	inRunFixture(t, r, func(t *testing.T) {
		ready := r.fetch("a/k", "b/k", "c/k")
		if len(ready) != 1 || r.order.count.Load() != 2 {
			t.Fatalf("%d are ready and %d held back, want 1 and 2", len(ready), r.order.count.Load())
		}
		w := r.worker()
		if !w.run(ready[0]) {
			t.Error("the worker has lost a flight")
		}
		if want := []string{"a/k", "b/k", "c/k"}; !slices.Equal(order, want) || r.order.count.Load() != 0 || len(r.order.held) != 0 {
			t.Errorf("%v ran and %d are held back, want %v and none", order, r.order.count.Load(), want)
		}
		r.wantSettlements(t, "a/k succeeded ack", "b/k succeeded ack", "c/k succeeded ack")
	})
}

// [T2] While the headroom is used up no attempt starts. A worker waits for patience: if a handler returns a moment before, it continues;
// otherwise the loop stops, and what it would run, and what waits, goes back uncounted.
func TestDriverWaitsForHeadroom(t *testing.T) {
	for after, ok := range map[time.Duration]bool{patience - 1: true, patience + 1: false} {
		t.Run(after.String(), func(t *testing.T) {
			r := newRunFixture(failingOnce())
			r.policy.Process.Retry.Backoff = time.Hour
			inRunFixture(t, r, func(t *testing.T) {
				begin := time.Now()
				w, flights := r.worker(), r.fetch("waits", "b")
				w.run(flights[0])
				r.headroom.giveUp() // the only one that there is
				time.AfterFunc(after, r.headroom.returned)
				w.run(flights[1])
				if took := time.Since(begin); took != min(after, patience) {
					t.Errorf("the worker waited for %s, want %s", took, min(after, patience))
				}
				if ok {
					if r.stopped != nil || r.waiting.count.Load() != 2 {
						t.Errorf("the loop was stopped with %v, and %d wait; want nil, and both", r.stopped, r.waiting.count.Load())
					}
					r.wantSettlements(t)
					return
				}
				if !errors.Is(r.stopped, ErrHeadroom) {
					t.Errorf("the loop was stopped with %v, want ErrHeadroom", r.stopped)
				}
				if got := r.settlements(); len(got) != 2 || !slices.Contains(got, "waits interrupted requeue uncounted") ||
					!slices.Contains(got, "b interrupted requeue uncounted") {
					t.Errorf("got %v, want both interrupted", got)
				}
				if _, waits := r.waiting.enter(r.fetch("late")[0], r.clock.Now()); waits {
					t.Error("something may wait although no attempt starts any more")
				}
			})
		})
	}
}

// [T1] A worker whose attempt was taken over says so, and leaves the flight alone.
func TestDriverEndsWithAnAttemptThatWasTakenOver(t *testing.T) {
	r := newRunFixture(succeeding(time.Hour))
	inRunFixture(t, r, func(t *testing.T) {
		w, f := r.worker(), r.fetch("a")[0]
		if w.run(f) {
			t.Error("the worker goes on")
		}
		got := r.successors()
		if len(got) != 1 || got[0].resumed != f || got[0].action != lifecycle.Retry || got[0].slot != w.slot || got[0].shard != w.shard {
			t.Errorf("got successors %+v, want one in the worker's slot that retries", got)
		}
		if state := stateOf(f); state != secondAttempt() {
			t.Errorf("the flight is at %s, want %s", state, secondAttempt())
		}
		r.wantSettlements(t)
	})
}
