package pipeline

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// longestInSlot is the longest backoff that keeps its slot: giving it up and getting another costs a hand-over between
// goroutines, and a place in the line.
const longestInSlot = time.Second

// waitingRoom holds the transactions that wait for a time: for their next attempt, or for the end of a requeue that the loop
// keeps itself. They have no slot, and their leases are kept. When their time has come they are handed to the pool, before
// anything that was fetched. A transaction that never waits costs it nothing.
//
// Whoever takes a flight out owns it. The lock is taken before those of the outage and of the pool, never after.
type waitingRoom struct {
	consumer *Consumer
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
	wait := max(time.Duration(r.due[0].due-r.consumer.clock.Now()), 0)
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
	if r.consumer.gate.paused() {
		return
	}
	now := r.consumer.clock.Now()
	var called []*flight
	for len(r.due) > 0 && r.due[0].due <= now {
		called = append(called, heap.Pop(&r.due).(*flight)) //nolint:forcetypeassert // it holds nothing else
	}
	r.changedLocked()
	if len(called) > 0 {
		r.consumer.outage.handDue(called)
		r.consumer.capacity.notify()
	}
}

// recall takes back what was called and has not begun: a pause has begun. Its time stands still meanwhile.
func (r *waitingRoom) recall() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.consumer.pool.takeDue() {
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
	return append(r.consumer.pool.takeDue(), waiting...)
}

// close is clear for good.
func (r *waitingRoom) close() []*flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.clearLocked()
}

// waitBeside has f wait for its next attempt without a slot, and reports whether it does.
func (c *Consumer) waitBeside(f *flight, d time.Duration) (event lifecycle.Event, waits bool) {
	if c.outage.refuses(f) {
		return lifecycle.Interrupted, false
	}
	c.limiter.drop(f)
	if event, waits = c.waiting.enter(f, c.clock.Now().After(d)); waits {
		c.capacity.notify()
	}
	return event, waits
}

// comeBack goes on with a flight that has waited and has a slot now. Its clock stood still since it was due.
func (w *worker) comeBack(f *flight) bool {
	c := w.consumer
	due := f.due
	f.due = 0
	if f.startAnew() {
		c.order.unbegun.Add(-1)
	}
	if f.state == lifecycle.Start() {
		w.begin(f)
		return w.drive(f, lifecycle.Run)
	}
	w.now = 0
	if f.deadline != 0 {
		f.deadline = f.deadline.After(time.Duration(w.instant() - due))
	}
	c.limiter.begin(f)
	w.shard.retries.Add(1)
	return w.drive(f, lifecycle.Run)
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
