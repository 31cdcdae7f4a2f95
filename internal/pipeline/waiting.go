package pipeline

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// waitingRoom holds transactions that wait for a time: for their next attempt, or for the end of a requeue that the loop keeps itself.
// They have no slot, and their leases are extended. When they are due, they go to the pool, before everything that was fetched. A
// transaction that never waits costs nothing here. Decision 0055.
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

// enter lets f wait until due, and reports whether it waits: then its owner must not touch it any more. Otherwise the event is the reason.
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

// changedLocked counts, and sets the timer to the first due time.
func (r *waitingRoom) changedLocked() {
	r.count.Store(int32(len(r.due)))
	r.capacity.demand.changed()
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

// call hands over what is due. In a pause it does nothing; the end of the pause calls it again.
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

// takeBack takes back what was handed over and has no worker yet, because a pause has begun.
func (r *waitingRoom) takeBack() {
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

// takeSome takes out the flights of a set.
func (r *waitingRoom) takeSome(set map[*flight]bool) (taken []*flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.due, taken = part(r.due, set)
	heap.Init(&r.due)
	r.changedLocked()
	return taken
}

// clear takes out everything in the order in which it is due.
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

// close takes out everything, and lets nothing enter any more.
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
