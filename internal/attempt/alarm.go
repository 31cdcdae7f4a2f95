package attempt

import (
	"sync"
	"sync/atomic"
	"time"
)

// alarm is one timer for many deadlines, set to the earliest. It is not set back when an attempt returns: it fires then in vain, at
// most once for each timeout, which costs less than to change the timer for every attempt.
type alarm struct {
	clock Clock
	scan  func(now Instant) (earliest Instant, then func()) // finds what is due, the earliest of the others, and what to do after it

	next  atomic.Int64 // when the timer fires; Never, when it is not set
	mu    sync.Mutex   // held by a scan and while the timer is set
	timer *time.Timer
}

func (a *alarm) init(c Clock, scan func(Instant) (Instant, func())) {
	a.clock, a.scan = c, scan
	a.next.Store(int64(Never))
}

// arm makes the alarm look at the deadline. Whoever waits for it is shown before.
func (a *alarm) arm(deadline Instant) {
	if int64(deadline) < a.next.Load() {
		a.set(deadline)
	}
}

func (a *alarm) set(deadline Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.setLocked(deadline)
}

func (a *alarm) setLocked(deadline Instant) {
	if int64(deadline) >= a.next.Load() {
		return
	}
	a.next.Store(int64(deadline))
	wait := max(time.Duration(deadline-a.clock.Now()), 0)
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, a.fire)
		return
	}
	a.timer.Reset(wait)
}

// fire looks at everything that is shown. What is armed meanwhile sees no timer and sets it itself.
func (a *alarm) fire() {
	a.mu.Lock()
	a.next.Store(int64(Never))
	earliest, then := a.scan(a.clock.Now())
	if earliest != Never {
		a.setLocked(earliest)
	}
	a.mu.Unlock()
	then()
}

// disarm stops the timer; whoever arms the alarm next sets it again. A scan that has begun continues.
func (a *alarm) disarm() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
	a.next.Store(int64(Never))
}
