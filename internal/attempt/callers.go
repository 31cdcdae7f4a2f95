package attempt

import (
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
	cause   error
	bubble  bool // made within a bubble of testing/synctest
	waiters sync.Pool
}

// NewCallers makes one for a whole program. cause is what the contexts of calls end with at their deadlines. One that is made within a
// bubble of testing/synctest is for that bubble.
func NewCallers(cause error) *Callers {
	return &Callers{clock: NewClock(), cause: cause, bubble: isBubble(time.Now())}
}

// isBubble reports whether a time was read within a bubble: there is no monotonic time in it. A waiter must not be used outside of the
// bubble that it was made in, because its channel and timer belong to that.
func isBubble(now time.Time) bool { return now == now.Round(0) } //nolint:staticcheck // Equal does not compare monotonic readings

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
	case c.until > now:
		return c.until, func() {}
	}
	return Never, func() {
		if c.Expire() {
			w.told <- struct{}{}
		}
	}
}
