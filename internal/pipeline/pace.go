package pipeline

import (
	"math/rand/v2"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// pace is how much a fetch asks for, and how long the next one waits. Whoever holds fetchLock owns it.
type pace struct {
	batch      policy.Batch
	emptyQueue policy.EmptyQueue
	clock      clock
	size       int     // what one fetch asks for now
	empties    int     // empty fetches in a row
	last       instant // when the last fetch began; 0 before the first
}

// begin notes that a fetch begins, and returns when.
func (p *pace) begin() instant {
	p.last = p.clock.Now()
	return p.last
}

// adapt moves the size between its bounds: up while fetches come back full, down when they come back less than half full.
func (p *pace) adapt(asked, got int) {
	if !p.batch.Adapts() || asked < p.size {
		return // that there are fewer free slots says nothing about the source
	}
	switch {
	case got >= asked:
		p.size = min(2*p.size, p.batch.MaxSize)
	case got < asked/2:
		p.size = max(p.size/2, p.batch.MinSize)
	}
}

// untilNext is how long to wait before a fetch is allowed: until the interval is over since the last began, and until notBefore.
func (p *pace) untilNext(notBefore instant) time.Duration {
	next := notBefore
	if p.batch.Interval > 0 && p.last != 0 {
		next = max(next, p.last.After(p.batch.Interval))
	}
	if next == 0 {
		return 0
	}
	return time.Duration(next - p.clock.Now())
}

// afterEmpty counts an empty fetch, and returns how long to wait after it.
func (p *pace) afterEmpty() time.Duration {
	p.empties++
	return p.emptyQueue.Jittered(p.emptyQueue.Delay(p.empties), rand.Float64())
}
