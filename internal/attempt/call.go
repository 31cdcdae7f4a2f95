package attempt

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/internal/fence"
)

// Call is a call of a function on a goroutine of its own, whose caller leaves at the deadline, and the context that the function gets.
// The caller begins it, starts the goroutine and waits; the goroutine delivers what the function returned. It is used once.
type Call struct {
	Owner

	own    bool // the deadline is the call's own, and not that of the caller's context
	until  Instant
	caller context.Context //nolint:containedctx // of whoever makes the call
	waiter *waiter
	made   atomic.Pointer[madeContext]
}

var (
	_ context.Context = (*Call)(nil)
	_ fence.Attempt   = (*Call)(nil)
)

// Begin sets the deadline: timeout from now (0: none), or that of ctx if it is not later.
func (c *Call) Begin(ctx context.Context, callers *Callers, timeout time.Duration) {
	start := time.Now()
	now := callers.clock.At(start)
	c.caller, c.waiter, c.until = ctx, callers.get(start), Never
	if deadline, ok := ctx.Deadline(); ok {
		c.until = now.After(deadline.Sub(start))
	}
	if own := now.After(timeout); timeout > 0 && own < c.until {
		c.until, c.own = own, true
		c.waiter.lingers = timeout <= maxLinger
		c.waiter.shown.Store(c)
		c.waiter.alarm.arm(own)
	}
}

// Wait waits until the function has returned in time, or until it is given up, because its deadline or the end of the caller's context
// comes first. It reports whether the function returned in time: the result is the caller's then.
func (c *Call) Wait() (inTime bool) {
	defer c.waiter.release()
	ended := c.caller.Done()
	if ended == nil {
		<-c.waiter.told
		return c.Returned()
	}
	select {
	case <-c.waiter.told:
	case <-ended:
		if c.Abandon() {
			return false
		}
		<-c.waiter.told
	}
	if inTime = c.Returned(); !inTime && !c.own {
		<-ended // which is due
	}
	return inTime
}

// Deliver is called by the function's goroutine when the function is over: true gives what it returned to the caller. A result that
// comes at the deadline or later is late, whoever notices that first.
func (c *Call) Deliver() bool {
	inTime := c.until == Never || c.waiter.callers.clock.Now() < c.until
	switch {
	case inTime && c.Return():
		if m := c.made.Load(); m != nil {
			m.cancel()
		}
		c.waiter.told <- struct{}{}
		return true
	case !inTime && c.Expire():
		c.waiter.told <- struct{}{}
	}
	c.ReturnLate()
	return false
}

// madeContext is what the context of a call stands for: one of package context, so that what is derived from it costs no goroutine. Most
// calls are over before anybody waits for their end, so it is made when somebody does.
type madeContext struct {
	context.Context //nolint:containedctx // a child of the caller's

	cancel context.CancelFunc
}

// Deadline implements context.Context.
func (c *Call) Deadline() (time.Time, bool) {
	if !c.own {
		return c.caller.Deadline()
	}
	return c.waiter.callers.clock.Time(c.until), true
}

// Done implements context.Context. The context also ends when the function has returned.
func (c *Call) Done() <-chan struct{} { return c.observed().Done() }

// Err implements context.Context. It does not look at the clock.
func (c *Call) Err() error {
	if m := c.made.Load(); m != nil {
		return m.Err()
	}
	switch {
	case c.Returned():
		return context.Canceled
	case c.Owner.GivenUp():
		return c.observed().Err()
	default:
		return c.caller.Err()
	}
}

// Value answers what attempt a context belongs to with the call, also where the context outlives it [T1].
func (c *Call) Value(key any) any {
	if key == any(fence.Key{}) {
		return c
	}
	if m := c.made.Load(); m != nil {
		return m.Value(key)
	}
	return c.caller.Value(key)
}

// GivenUp reports whether the caller, or that of an attempt around this one, has gone on without the function.
func (c *Call) GivenUp() bool {
	if c.Owner.GivenUp() {
		return true
	}
	outer := fence.Of(c.caller)
	return outer != nil && outer.GivenUp()
}

// observed returns what the context stands for, made now if need be. A call that has returned already ends what is made late.
func (c *Call) observed() *madeContext {
	m := c.made.Load()
	if m == nil {
		m = c.make()
		if !c.made.CompareAndSwap(nil, m) {
			m.cancel()
			m = c.made.Load()
		}
	}
	if c.Returned() {
		m.cancel()
	}
	return m
}

func (c *Call) make() *madeContext {
	m := &madeContext{}
	if c.own {
		callers := c.waiter.callers
		m.Context, m.cancel = context.WithDeadlineCause(c.caller, callers.clock.Time(c.until), callers.cause)
	} else {
		m.Context, m.cancel = context.WithCancel(c.caller)
	}
	return m
}
