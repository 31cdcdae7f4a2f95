package pipeline

import (
	"errors"
	"sync/atomic"
	"time"
)

// ErrHeadroom is returned by a loop that gave up too many attempts whose handlers do not return.
var ErrHeadroom = errors.New("too many abandoned attempts")

// patience is how long handlers that respect their context have to return before they count as stuck.
const patience = 100 * time.Millisecond

// headroom bounds the calls of foreign code that were given up and have not returned: attempts of handlers, and payloads that hang.
// Those that run when the bound is reached may add up to the loop's concurrency minus one [T2].
type headroom struct {
	_         [64]byte // every attempt reads it: it is apart from what is written often
	max       int64
	abandoned atomic.Int64
	usedUp    atomic.Bool // no attempt starts any more
	freed     chan struct{}
	_         [64]byte
}

func (h *headroom) init(most int) { h.max, h.freed = int64(most), make(chan struct{}, 1) }

// giveUp counts one more.
func (h *headroom) giveUp() { h.abandoned.Add(1) }

// comeBack counts one less, and wakes who waits for room.
func (h *headroom) comeBack() {
	h.abandoned.Add(-1)
	signal(h.freed)
}

// used is how many count at the moment.
func (h *headroom) used() int64 { return h.abandoned.Load() }

// isFull reports whether no attempt may start.
func (h *headroom) isFull() bool { return h.abandoned.Load() >= h.max }

// wait reports whether there is room again: what respects its context gets a moment to return. last is true for the first caller for
// whom that was in vain, because the next attempt might never return either.
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
	signal(h.freed) // for the next one that waits
	return true, false
}
