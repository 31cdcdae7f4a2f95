package pipeline

import (
	"sync"
	"time"
)

// stuckCheck looks again at attempts that were given up, after patience: then their handlers have had time to return. One timer serves all
// of them, because a timer for each would delay the watchdogs if many handlers compute. Safe for concurrent use.
type stuckCheck struct {
	clock clock

	mu      sync.Mutex  // guards what follows
	waiting []recheck   // in the order in which they are due
	timer   *time.Timer // set while something waits; made when first needed
}

type recheck struct {
	due  instant
	look func() // neither blocks nor calls foreign code
}

// later calls look after patience, on a goroutine of the timer.
func (o *stuckCheck) later(look func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = append(o.waiting, recheck{o.clock.Now().After(patience), look})
	if len(o.waiting) > 1 {
		return
	}
	if o.timer == nil {
		o.timer = time.AfterFunc(patience, o.recheck)
		return
	}
	o.timer.Reset(patience)
}

func (o *stuckCheck) recheck() {
	for _, due := range o.takeDue() {
		due.look()
	}
}

func (o *stuckCheck) takeDue() []recheck {
	o.mu.Lock()
	defer o.mu.Unlock()
	now, n := o.clock.Now(), 0
	for n < len(o.waiting) && o.waiting[n].due <= now {
		n++
	}
	due := o.waiting[:n:n]
	if o.waiting = o.waiting[n:]; len(o.waiting) > 0 {
		o.timer.Reset(time.Duration(o.waiting[0].due - now))
	} else {
		o.waiting = nil
	}
	return due
}
