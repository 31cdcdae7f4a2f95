package pipeline

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// waitingRoom holds the transactions that wait for a time: for their next attempt, or for the end of a requeue that the loop
// keeps itself. They have no slot, and their leases are kept. When their time has come they are handed to the pool, before
// anything that was fetched. A transaction that never waits costs it nothing.
//
// Whoever takes a flight out owns it. The lock is taken before those of the outage and of the pool, never after.
type waitingRoom struct {
	clock    clock
	gate     *fetchGate // in a pause nothing is handed over
	pool     *pool
	outage   *outage // stands before the pool
	capacity *capacity
	count    atomic.Int32 // how many wait; changed under mu

	mu     sync.Mutex
	due    byDue
	timer  *time.Timer
	closed bool // nobody enters any more
}

// enter has f wait until due, and reports whether it does: then its owner must not touch it any more. Otherwise the event says
// why it does not.
func (r *waitingRoom) enter(f *flight, due instant) (event lifecycle.Event, waits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case f.lost.Load(): // before or after this: who loses a lease looks here
		return lifecycle.LeaseLost, false
	case r.closed:
		return lifecycle.Interrupted, false
	}
	f.due = due
	heap.Push(&r.due, f)
	r.changedLocked()
	return lifecycle.OK, true
}

// changedLocked counts, and sets the timer to the first that is due.
func (r *waitingRoom) changedLocked() {
	r.count.Store(int32(len(r.due)))
	if len(r.due) == 0 {
		if r.timer != nil {
			r.timer.Stop()
		}
		return
	}
	wait := max(time.Duration(r.due[0].due-r.clock.Now()), 0)
	if r.timer == nil {
		r.timer = time.AfterFunc(wait, r.call)
		return
	}
	r.timer.Reset(wait)
}

// call hands over what is due. In a pause nothing is; its end calls again.
func (r *waitingRoom) call() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gate.paused() {
		return
	}
	now := r.clock.Now()
	var called []*flight
	for len(r.due) > 0 && r.due[0].due <= now {
		called = append(called, heap.Pop(&r.due).(*flight)) //nolint:forcetypeassert // it holds nothing else
	}
	r.changedLocked()
	if len(called) > 0 {
		r.outage.handDue(called)
		r.capacity.notify()
	}
}

// recall takes back what was called and has not begun: a pause has begun. Its time stands still meanwhile.
func (r *waitingRoom) recall() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.pool.takeDue() {
		heap.Push(&r.due, f)
	}
	r.changedLocked()
}

// remove takes f out, and reports whether it was there.
func (r *waitingRoom) remove(f *flight) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, waiting := range r.due {
		if waiting == f {
			heap.Remove(&r.due, i)
			r.changedLocked()
			return true
		}
	}
	return false
}

// clear takes out everything, the first that is due first.
func (r *waitingRoom) clear() []*flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clearLocked()
}

func (r *waitingRoom) clearLocked() []*flight {
	var waiting []*flight
	for len(r.due) > 0 {
		waiting = append(waiting, heap.Pop(&r.due).(*flight)) //nolint:forcetypeassert // it holds nothing else
	}
	r.changedLocked()
	return append(r.pool.takeDue(), waiting...)
}

// close is clear for good.
func (r *waitingRoom) close() []*flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.clearLocked()
}

// byDue is a heap: the first that is due on top.
type byDue []*flight

func (h byDue) Len() int           { return len(h) }
func (h byDue) Less(i, j int) bool { return h[i].due < h[j].due }
func (h byDue) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is for container/heap.
func (h *byDue) Push(f any) { *h = append(*h, f.(*flight)) } //nolint:forcetypeassert // the room is its only caller

// Pop is for container/heap.
func (h *byDue) Pop() any {
	last := len(*h) - 1
	f := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return f
}
