package pipeline

import (
	"sync"
	"time"
)

// stuckCheck looks again at attempts that were given up, after patience, when their handlers have had time to return. It has one timer
// for all of them: if many handlers compute, a timer for each would delay the watchdogs.
type stuckCheck struct {
	clock clock

	mu      sync.Mutex
	waiting []lookAgain // the first that is due first
	timer   *time.Timer // set while something waits
}

type lookAgain struct {
	due  instant
	look func() // neither blocks nor calls foreign code
}

// later calls look after patience.
func (o *stuckCheck) later(look func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = append(o.waiting, lookAgain{o.clock.Now().After(patience), look})
	if len(o.waiting) > 1 {
		return
	}
	if o.timer == nil {
		o.timer = time.AfterFunc(patience, o.lookAgain)
		return
	}
	o.timer.Reset(patience)
}

func (o *stuckCheck) lookAgain() {
	for _, due := range o.takeDue() {
		due.look()
	}
}

func (o *stuckCheck) takeDue() []lookAgain {
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
