package attempt

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// maxLinger is the longest timeout whose timer stays set after its call, for the next one. It bounds how long a timer that nobody
// needs any more takes memory.
const maxLinger = time.Minute

// Callers lend callers what they wait with, so that a call makes neither a channel nor a timer. Safe for concurrent use.
type Callers struct {
	clock   Clock
	bubble  bool // made within a bubble of testing/synctest
	waiters sync.Pool
}

// NewCallers makes one for a whole program. One that is made within a bubble of testing/synctest is for that bubble.
func NewCallers() *Callers {
	return &Callers{clock: NewClock(), bubble: isBubble(time.Now())}
}

// isBubble reports whether a time was read within a bubble: there is no monotonic time in it. A waiter must not be used outside of the
// bubble that it was made in, because its channel and timer belong to that.
func isBubble(now time.Time) bool { return now == now.Round(0) }

// Call is a call of a function on a goroutine of its own, whose caller leaves at the deadline. The caller begins it, starts the
// goroutine and waits; the goroutine delivers what the function returned.
type Call struct {
	Attempt

	waiter *waiter
	own    bool // the deadline is the call's own, and not that of the caller's context
}

// Begin sets the deadline: timeout from now (0: none), or that of ctx if it is not later.
func (c *Call) Begin(callers *Callers, ctx context.Context, timeout time.Duration) {
	start := time.Now()
	now := callers.clock.At(start)
	c.waiter, c.Until = callers.get(start), Never
	if deadline, ok := ctx.Deadline(); ok {
		c.Until = now.After(deadline.Sub(start))
	}
	if own := now.After(timeout); timeout > 0 && own < c.Until {
		c.Until, c.own = own, true
		c.waiter.shown.Store(c)
		c.waiter.alarm.arm(own)
	}
	c.waiter.lingers = timeout <= maxLinger
}

// Deadline is for the context that the function gets.
func (c *Call) Deadline(ctx context.Context) (time.Time, bool) {
	if !c.own {
		return ctx.Deadline()
	}
	return c.waiter.callers.clock.Time(c.Until), true
}

// Wait waits until the function has returned in time, or until it is given up, because its deadline or done, the end of the caller's
// context, comes first. It reports whether the function returned in time: the result is the caller's then.
func (c *Call) Wait(done <-chan struct{}) (inTime bool) {
	defer c.waiter.release()
	if done == nil {
		<-c.waiter.told
		return c.Returned()
	}
	select {
	case <-c.waiter.told:
	case <-done:
		if c.Abandon() {
			return false
		}
		<-c.waiter.told
	}
	if inTime = c.Returned(); !inTime && !c.own {
		<-done // which is due
	}
	return inTime
}

// Deliver is called by the function's goroutine when the function is over: true gives what it returned to the caller. A result that
// comes at the deadline or later is late, whoever notices that first.
func (c *Call) Deliver() bool {
	inTime := c.Until == Never || c.waiter.callers.clock.Now() < c.Until
	switch {
	case inTime && c.Return():
		c.Finish()
		c.waiter.told <- struct{}{}
		return true
	case !inTime && c.Expire():
		c.waiter.told <- struct{}{}
	}
	c.ComeBack()
	return false
}

// waiter is what a caller waits with. Whoever decides about its call tells it so, exactly once, unless that is the caller itself.
// After that nobody uses it for this call any more.
type waiter struct {
	callers *Callers
	pooled  bool // used again, for another call
	lingers bool // its timer may stay set after the call
	told    chan struct{}
	shown   atomic.Pointer[Call] // that has a deadline of its own
	alarm   alarm
}

func (p *Callers) get(now time.Time) *waiter {
	pooled := isBubble(now) == p.bubble
	if pooled {
		if w, ok := p.waiters.Get().(*waiter); ok {
			return w
		}
	}
	w := &waiter{callers: p, pooled: pooled, told: make(chan struct{}, 1)}
	w.alarm.init(p.clock, w.scan)
	return w
}

func (w *waiter) release() {
	if w.shown.Load() != nil {
		w.shown.Store(nil)
		if !w.pooled || !w.lingers {
			w.alarm.disarm()
		}
	}
	if w.pooled {
		w.callers.waiters.Put(w)
	}
}

// scan gives its call up if that is due.
func (w *waiter) scan(now Instant) (earliest Instant, then func()) {
	c := w.shown.Load()
	switch {
	case c == nil || !c.Running():
		return Never, func() {}
	case c.Until > now:
		return c.Until, func() {}
	}
	return Never, func() {
		if c.Expire() {
			w.told <- struct{}{}
		}
	}
}
