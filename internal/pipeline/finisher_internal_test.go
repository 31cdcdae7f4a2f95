package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// failed makes f fail its last attempt.
func (r *runFixture) failed(f *flight, err error) *flight {
	f.state.Attempt = int32(r.policy.Process.Retry.MaxAttempts)
	f.failed(err)
	r.finisher.plan.step(f, lifecycle.System)
	return f
}

// refused makes a business rule refuse f.
func (r *runFixture) refused(f *flight) *flight {
	f.failed(errHandler)
	r.finisher.plan.step(f, lifecycle.Business)
	return f
}

// succeeded makes f succeed.
func (r *runFixture) succeeded(f *flight) *flight {
	r.finisher.plan.step(f, lifecycle.OK)
	return f
}

// [S1] What ends is judged, reported, and handed to the settler, in this order; the third of three completes a batch.
func TestFinisherHandsWhatHasEndedToTheSettler(t *testing.T) {
	var reported []string
	r := newRunFixture(nil)
	r.onEnd = func(result Result) {
		reported = append(reported, fmt.Sprintf("%s %s after %d", result.Transaction.ID(), result.Outcome, len(r.settlements())))
	}
	inRunFixture(t, r, func(t *testing.T) {
		on, flights := &r.stats.shards[0], r.fetch("a", "b", "c")
		var complete []bool
		for _, f := range []*flight{r.succeeded(flights[0]), r.failed(flights[1], errHandler), r.succeeded(flights[2])} {
			successor, done := r.finisher.finish(on, f)
			if complete = append(complete, done); successor != nil {
				t.Errorf("%s has a successor without a key", f.tx.ID())
			}
		}
		r.wantSettlements(t, "a succeeded ack", "b dead_lettered reject", "c succeeded ack")
		if !slices.Equal(complete, []bool{false, false, true}) {
			t.Errorf("got a complete batch at %v, want at the third", complete)
		}
		if diff := cmp.Diff([]string{"a succeeded after 0", "b dead_lettered after 1", "c succeeded after 2"}, reported); diff != "" {
			t.Errorf("what was reported (-want +got):\n%s", diff)
		}
		if n := r.stats.outstanding(); n != 0 || r.capacity.unsettled.Load() != 3 {
			t.Errorf("%d are outstanding and %d unsettled, want 0 and 3", n, r.capacity.unsettled.Load())
		}
	})
}

// [L8] Whoever ends the first of a key gets the next. In an outage that is held instead.
func TestFinisherReturnsTheNextOfTheKey(t *testing.T) {
	for _, outage := range []bool{false, true} {
		t.Run(fmt.Sprintf("in an outage: %t", outage), func(t *testing.T) {
			r := newRunFixture(nil)
			r.ordered, r.policy.Loop.Outage = true, policy.Outage{After: 1, ProbeInterval: time.Second}
			inRunFixture(t, r, func(t *testing.T) {
				ready := r.fetch("a/k", "b/k", "c/other")
				if len(ready) != 2 {
					t.Fatalf("%d are ready, want 2", len(ready))
				}
				r.outage.on.Store(outage)
				successor, _ := r.finisher.finish(&r.stats.shards[0], r.refused(ready[0])) // which does not end the outage
				switch {
				case outage && (successor != nil || len(r.outage.held) != 1 || r.outage.held[0].tx.ID() != "b/k"):
					t.Errorf("got successor %v and %d held, want b held", successor, len(r.outage.held))
				case !outage && (successor == nil || successor.tx.ID() != "b/k" || len(r.outage.held) != 0):
					t.Errorf("got successor %v and %d held, want b", successor, len(r.outage.held))
				}
				if other, _ := r.finisher.finish(&r.stats.shards[0], r.refused(ready[1])); other != nil {
					t.Errorf("%s follows another key", other.tx.ID())
				}
			})
		})
	}
}

// [L8] [R1] What goes back uncounted takes along what its key holds back, behind it and in order. The key is free then.
func TestFinisherReleasesWhatIsBehindAnInterruptedTransaction(t *testing.T) {
	r := newRunFixture(nil)
	r.ordered = true
	inRunFixture(t, r, func(t *testing.T) {
		f := r.fetch("a/k", "b/k", "c/k")[0]
		r.finisher.plan.step(f, lifecycle.Interrupted)
		successor, _ := r.finisher.finish(&r.stats.shards[1], f)
		if successor != nil {
			t.Errorf("%s would run", successor.tx.ID())
		}
		if got := r.settlements(); len(got) != 3 {
			t.Fatalf("got %v, want all three", got)
		}
		for _, got := range r.settlements() {
			if want := got[:3] + " interrupted requeue uncounted"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if n := len(r.order.held); n != 0 || r.order.count.Load() != 0 {
			t.Errorf("%d keys are held and %d transactions behind them, want none", n, r.order.count.Load())
		}
		if again := r.fetch("d/k"); len(again) != 1 {
			t.Error("the next of the key may not run")
		}
	})
}

// [L8] A requeue of a key that the loop keeps in order stays in the loop: it is due after its delay, and its key stays held. It counts as
// a requeue and as a delivery of its own. One that would stay for longer than the policy allows, counted from the first, fails instead.
func TestFinisherKeepsARequeueInItsLoop(t *testing.T) {
	const hold = time.Minute
	for name, c := range map[string]struct {
		delay, since time.Duration
		kept         bool
	}{
		"at the bound":            {hold, 0, true},
		"beyond it":               {hold + 1, 0, false},
		"at the bound, again":     {10 * time.Second, hold - 10*time.Second, true},
		"beyond the bound, again": {10 * time.Second, hold - 10*time.Second + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunFixture(nil)
			r.ordered, r.policy.Loop.HoldAtMost = true, hold
			inRunFixture(t, r, func(t *testing.T) {
				f := r.fetch("a/k", "b/k")[0]
				if c.since > 0 {
					f.heldSince = r.clock.Now()
					time.Sleep(c.since)
				}
				r.failed(f, errHandler).failure.disposition = ergon.Requeue(c.delay)
				successor, complete := r.finisher.finish(&r.stats.shards[0], f)
				if !c.kept {
					r.wantSettlements(t, "a/k dead_lettered reject")
					if successor == nil || successor.tx.ID() != "b/k" || !errors.Is(f.failure.cause, ErrHeldTooLong) {
						t.Errorf("got successor %v and %v, want b and ErrHeldTooLong", successor, f.failure.cause)
					}
					return
				}
				r.wantSettlements(t)
				if successor != nil || complete || r.order.count.Load() != 1 || r.order.unstarted.Load() != 1 {
					t.Errorf("got successor %v, %d held back and %d unstarted; want none, 1, 1",
						successor, r.order.count.Load(), r.order.unstarted.Load())
				}
				if n := r.stats.ended[Requeued].Load(); n != 1 || r.stats.fetched.Load() != 3 {
					t.Errorf("%d requeues and %d deliveries are counted, want 1 and 3", n, r.stats.fetched.Load())
				}
				time.Sleep(c.delay - 1)
				synctest.Wait()
				if due := r.pool.takeDue(); len(due) != 0 {
					t.Error("it is due before its delay is over")
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if due := r.pool.takeDue(); len(due) != 1 || due[0] != f {
					t.Errorf("%d flights are due, want the one", len(due))
				}
			})
		})
	}
}

// [S5] [R1] What is taken out of where it waited ends with its event, and its key continues; what a shutdown releases goes back uncounted,
// and its key does not continue.
func TestFinisherEndsWhatNobodyRuns(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*runFixture, []*flight)
		want []string
		next int // given to the pool
	}{
		"lost": {
			func(r *runFixture, f []*flight) { r.finisher.endWaiting(f, lifecycle.LeaseLost) }, []string{"a/k redelivered unsettled"}, 1,
		},
		"released": {func(r *runFixture, f []*flight) { r.finisher.release(f) }, []string{"a/k interrupted requeue uncounted"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunFixture(nil)
			r.ordered = true
			inRunFixture(t, r, func(t *testing.T) {
				r.pool.limit.Store(0) // nothing is claimed
				f := r.fetch("a/k", "b/k")[0]
				f.due, f.state.Attempt = r.clock.Now(), 2 // it waits for its second attempt
				c.end(r, []*flight{f})
				r.wantSettlements(t, c.want...)
				if next := r.pool.takeWaiting(); len(next) != c.next {
					t.Errorf("%d go on, want %d", len(next), c.next)
				}
			})
		})
	}
}
