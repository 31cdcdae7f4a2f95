package pipeline

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// [T4] What a handler returned in time becomes an event. Only success is kept; a failure is kept with its error.
func TestCallerTurnsWhatAHandlerReturnedIntoAnEvent(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want lifecycle.Event
	}{
		"nothing":    {nil, lifecycle.OK},
		"a refusal":  {ergon.Business(errHandler), lifecycle.Business},
		"for good":   {ergon.Permanent(errHandler), lifecycle.Permanent},
		"a timeout":  {ergon.ErrAttemptTimeout, lifecycle.Timeout},
		"a failure":  {errHandler, lifecycle.System},
		"a shutdown": {errReleased, lifecycle.Interrupted},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunFixture(func(context.Context, ergon.Transaction) (any, error) { return "result", c.err })
			inRunFixture(t, r, func(t *testing.T) {
				w, f := r.worker(), r.fetch("a")[0]
				event, owned := w.attempt(f)
				if event != c.want || !owned {
					t.Errorf("got event %d, owned %t; want %d, true", event, owned, c.want)
				}
				if kept := f.result == "result"; kept != (c.err == nil) {
					t.Errorf("the flight has the result %v after %v", f.result, c.err)
				}
				if (f.failure == nil) != (c.err == nil) {
					t.Errorf("the flight has the failure %+v after %v", f.failure, c.err)
				}
			})
		})
	}
}

// [T1] An attempt that returns a moment before its deadline is its worker's. At the deadline it is no success any more, whoever comes
// first; after it the worker has lost the flight, does not touch it, and what the handler returned is late.
func TestCallerLosesTheAttemptAtItsDeadline(t *testing.T) {
	for takes, inTime := range map[time.Duration]bool{time.Minute - 1: true, time.Minute: false, time.Minute + 1: false} {
		t.Run(takes.String(), func(t *testing.T) {
			r := newRunFixture(succeeding(takes))
			inRunFixture(t, r, func(t *testing.T) {
				w, f := r.worker(), r.fetch("a")[0]
				event, owned := w.attempt(f)
				synctest.Wait()
				if success := event == lifecycle.OK && owned; success != inTime {
					t.Errorf("got event %d, owned %t, want success: %t", event, owned, inTime)
				}
				if kept := f.result != nil; kept != inTime {
					t.Errorf("the flight has the result %v", f.result)
				}
				want := int64(1)
				if inTime {
					want = 0
				}
				if n := r.total(timeouts); n != want {
					t.Errorf("%d attempts timed out, want %d", n, want)
				}
				late := int64(0)
				if !owned {
					late = 1
				}
				if takes > time.Minute && owned {
					t.Error("the worker owns an attempt that has returned after its deadline")
				}
				if n := r.stats.late.Load(); n != late || r.headroom.used() != 0 {
					t.Errorf("%d results were late and %d attempts have not returned, want %d and 0", n, r.headroom.used(), late)
				}
			})
		})
	}
}

// [T3] An attempt ends with its transaction, if that is not later; then there is no other. The exception phase has its own time.
func TestCallerBoundsAttemptsByTheirTransaction(t *testing.T) {
	for name, c := range map[string]struct {
		left     time.Duration // of the transaction's time
		phase    lifecycle.Phase
		until    time.Duration
		byBudget bool
	}{
		"earlier":            {time.Minute - 1, lifecycle.Process, time.Minute - 1, true},
		"at the same time":   {time.Minute, lifecycle.Process, time.Minute, true},
		"later":              {time.Minute + 1, lifecycle.Process, time.Minute, false},
		"success":            {time.Second, lifecycle.Success, time.Second, true},
		"in the exception":   {time.Second, lifecycle.Exception, time.Minute, false},
		"without a deadline": {0, lifecycle.Process, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunFixture(succeeding(0))
			inRunFixture(t, r, func(t *testing.T) {
				w, f := r.worker(), r.fetch("a")[0]
				now := r.clock.Now()
				if f.state.Phase = c.phase; c.left > 0 {
					f.deadline = now.After(c.left)
				}
				a := w.arm(f)
				if got := time.Duration(a.Until - now); got != c.until || a.mark().byBudget() != c.byBudget {
					t.Errorf("the attempt ends after %s, by its transaction: %t; want %s, %t", got, a.mark().byBudget(), c.until, c.byBudget)
				}
				want := lifecycle.Timeout
				if c.byBudget {
					want = lifecycle.OutOfTime
				}
				if event := a.timeoutEvent(); event != want {
					t.Errorf("its deadline is event %d, want %d", event, want)
				}
			})
		})
	}
}

// [S5] [R1] Without its lease, or once handlers are cancelled, a flight gets no attempt.
func TestCallerMakesNoAttemptForWhatIsLostOrInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*runFixture, *flight)
		want   lifecycle.Event
	}{
		"lost":        {func(_ *runFixture, f *flight) { f.lost.Store(true) }, lifecycle.LeaseLost},
		"interrupted": {func(r *runFixture, _ *flight) { r.shutdown.interrupting.Store(true) }, lifecycle.Interrupted},
		"both": {func(r *runFixture, f *flight) {
			f.lost.Store(true)
			r.shutdown.interrupting.Store(true)
		}, lifecycle.LeaseLost},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunFixture(func(context.Context, ergon.Transaction) (any, error) {
				t.Error("the handler was called")
				return nil, nil
			})
			inRunFixture(t, r, func(t *testing.T) {
				w, f := r.worker(), r.fetch("a")[0]
				c.change(r, f)
				if event, owned := w.attempt(f); event != c.want || !owned {
					t.Errorf("got event %d, owned %t; want %d, true", event, owned, c.want)
				}
			})
		})
	}
}

// [S5] What a handler returned whose lease was lost meanwhile is not kept.
func TestCallerDropsTheResultOfALostLease(t *testing.T) {
	var f *flight
	r := newRunFixture(func(context.Context, ergon.Transaction) (any, error) {
		f.lost.Store(true)
		return "result", nil
	})
	inRunFixture(t, r, func(t *testing.T) {
		w := r.worker()
		f = r.fetch("a")[0]
		if event, owned := w.attempt(f); event != lifecycle.LeaseLost || !owned || f.result != nil {
			t.Errorf("got event %d, owned %t, result %v; want %d, true, none", event, owned, f.result, lifecycle.LeaseLost)
		}
	})
}

// [T1] A handler that ends its goroutine ends its worker. A successor in the same slot continues with the flight, as after a failure.
func TestWorkerWhoseHandlerEndsItsGoroutineIsReplaced(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("scripted") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			r := newRunFixture(func(context.Context, ergon.Transaction) (any, error) {
				end()
				return nil, errors.New("not reached")
			})
			inRunFixture(t, r, func(t *testing.T) {
				w, f := r.worker(), r.fetch("a")[0]
				go func() {
					defer w.guard()
					w.run(f)
					t.Error("the worker went on")
				}()
				synctest.Wait()
				got := r.successors()
				if len(got) != 1 || got[0].slot != w.slot || got[0].resumed != f || got[0].action != lifecycle.Retry {
					t.Fatalf("got successors %+v, want one in the same slot that retries", got)
				}
				if state := stateOf(f); state != secondAttempt() {
					t.Errorf("the flight is at %s, want %s", state, secondAttempt())
				}
			})
		})
	}
}
