package pipeline

import (
	"sync/atomic"
	"time"
)

// fetchCalls counts calls of the source that have not come to their end. One that was given up may still bring something, and
// has come to its end once that is released.
type fetchCalls struct {
	under atomic.Int64  // way
	none  chan struct{} // hears when none is any more
}

func newFetchCalls() fetchCalls { return fetchCalls{none: make(chan struct{}, 1)} }

func (f *fetchCalls) begin() { f.under.Add(1) }

func (f *fetchCalls) end() {
	if f.under.Add(-1) == 0 {
		signal(f.none)
	}
}

// wait waits until none is under way, for d at most, less when force is closed. None may begin meanwhile.
func (f *fetchCalls) wait(d time.Duration, force <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for f.under.Load() > 0 {
		select {
		case <-f.none:
		case <-timer.C:
			return
		case <-force:
			return
		}
	}
}
