package pipeline

import (
	"errors"
	"sync/atomic"
	"time"
)

// ErrHeadroom is returned by a loop that gave up too many attempts whose handlers do not return.
var ErrHeadroom = errors.New("too many abandoned attempts")

// patience is the time that a cancelled handler has to return before it counts as stuck.
const patience = 100 * time.Millisecond

// headroom bounds the calls of foreign code that were given up and have not returned: attempts of handlers, and payloads that hang.
// Attempts that run when the bound is reached may exceed it by the loop's concurrency minus one [T2].
type headroom struct {
	_         [64]byte // every attempt reads it; keep it away from what is written often
	max       int64
	abandoned atomic.Int64
	usedUp    atomic.Bool // no attempt starts any more
	freed     chan struct{}
	_         [64]byte
}

func (h *headroom) init(most int) { h.max, h.freed = int64(most), make(chan struct{}, 1) }

// giveUp counts a call that was given up.
func (h *headroom) giveUp() { h.abandoned.Add(1) }

// returned counts a call that has returned, and wakes one worker that waits for it.
func (h *headroom) returned() {
	h.abandoned.Add(-1)
	signal(h.freed)
}

// used is the number of calls that were given up and have not returned.
func (h *headroom) used() int64 { return h.abandoned.Load() }

// isFull reports whether no attempt may start.
func (h *headroom) isFull() bool { return h.abandoned.Load() >= h.max }

// wait waits up to patience for handlers that respect their context, and reports whether an attempt may start. last is true for the first
// caller for whom none returned: from then on no attempt starts, because the next might never return either.
func (h *headroom) wait() (ok, last bool) {
	if h.usedUp.Load() {
		return false, false
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for h.isFull() {
		select {
		case <-h.freed:
		case <-timer.C:
			return false, h.usedUp.CompareAndSwap(false, true)
		}
	}
	signal(h.freed) // for the next worker that waits
	return true, false
}
