package runner

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func pause(c control) control  { c.Paused = true; return c }
func resume(c control) control { c.Paused = false; return c }

func concurrency(n int) func(control) control {
	return func(c control) control { c.Concurrency = n; return c }
}

// [E2] A process has one order at a time to confirm, so orders never fill the pipe of one that does not read. The next order has
// all changes since.
func TestOneControlAtATimeWaitsForItsConfirmation(t *testing.T) {
	c, p := new(processControls), newProcess(newFakeChild())
	fake := p.child.(*fakeChild)
	c.change(pause)
	c.run(p)
	if o := fake.want(t, orderRun); !o.Control.Paused {
		t.Errorf("got %+v, want what was said before it ran", o)
	}
	c.change(resume)
	c.change(concurrency(5))
	last := c.change(concurrency(6))
	if o := fake.want(t, orderControl); o.Control != (control{}) || o.Change != 2 {
		t.Errorf("got %+v, want the first change", o)
	}
	if len(fake.orders) != 0 || c.inForce() != (control{Paused: true}) {
		t.Errorf("got %d more orders and %+v in force before the confirmation", len(fake.orders), c.inForce())
	}
	c.confirm(p, 1) // of no order
	c.confirm(p, 2)
	if o := fake.want(t, orderControl); o.Control != (control{Concurrency: 6}) || o.Change != last {
		t.Errorf("got %+v, want all changes since", o)
	}
	if got := c.inForce(); got != (control{}) {
		t.Errorf("got %+v in force, want what was confirmed", got)
	}
	c.confirm(p, last)
	if got := c.inForce(); got != (control{Concurrency: 6}) || len(fake.orders) != 0 {
		t.Errorf("got %+v in force and %d more orders, want the last change and none", got, len(fake.orders))
	}
}

// [E2] A change is waited for until its process has confirmed it or is gone, no longer than the context.
func TestChangeIsWaitedForUntilItIsInForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := new(processControls), newProcess(newFakeChild())
		if got := c.wait(t.Context(), c.change(pause)); got != nil {
			t.Error("waited for a process, but none runs")
		}
		c.run(p)
		change := c.change(resume)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		began := time.Now()
		if got := c.wait(ctx, change); got != p || time.Since(began) != time.Second {
			t.Errorf("got %v after %s, want the process after 1s", got, time.Since(began))
		}
		time.AfterFunc(time.Minute, func() { c.confirm(p, change) })
		if got := c.wait(t.Context(), change); got != nil || time.Since(began) != time.Minute+time.Second {
			t.Errorf("got %v after %s, want it confirmed after a minute", got, time.Since(began))
		}
		time.AfterFunc(time.Minute, func() { close(p.ended) })
		if got := c.wait(t.Context(), c.change(pause)); got != nil || time.Since(began) != 2*time.Minute+time.Second {
			t.Errorf("got %v after %s, want nobody to wait for once the process is gone", got, time.Since(began))
		}
		if !c.inForce().Paused {
			t.Error("the next process is not told to pause")
		}
	})
}
