package pipeline

import (
	"runtime"
	"time"
)

// serve does what is due for the loop between two transactions: it settles a batch that is complete, and fetches where
// there is room. The fetch loop and the settler have goroutines of their own, for whatever means to wait: for room, a
// backoff, an interval, a slow source. But handing each batch over to them and back costs far more than the work itself:
// a processor goes to sleep and is woken for it. So while they wait, and as long as a call takes less than a hand-over,
// those who have the work at hand do it. While nothing waits to be run, serveIdle does it.
//
// A worker of a fixed pool whose workers are all active has no substitute: it leaves that to the goroutines. So does one that
// is busy: it has a transaction to go on with that nobody else knows of. Of few slots none fetches while something waits.
func (w *worker) serve(complete, busy bool) {
	c := w.consumer
	w.ended++
	switch wanted := c.capacity.wakeOn.Load(); {
	case wanted == wakeOnEvery:
		c.capacity.notify()
	case wanted == wakeOnChunk && w.ended%chunkSize == 0 && (c.fetchLoop.slow.Load() || !c.pool.spares()):
		c.capacity.notify()
	}
	switch {
	case !complete:
	case busy, !c.pool.spares():
		c.settler.hurry()
	default:
		c.settler.settleInline(w)
	}
}

// fetch has a worker that has come to the end of its chunk fetch the next, where there is room and it can be spared. What
// it fetches stays with its processor, whereas what is taken from others comes from theirs.
func (w *worker) fetch() bool {
	c := w.consumer
	switch {
	case c.capacity.whileWaiting == wakeOnEvery:
		return false
	case c.pool.spares():
		return c.fetchLoop.fetchInline(w)
	default:
		c.capacity.notify()
		return false
	}
}

// serveIdle is serve for a worker that has nothing to run. Where no other worker is active either, nothing will join what is
// to be settled, so it is settled now. It reports whether there may be something to run.
func (w *worker) serveIdle() bool {
	c := w.consumer
	if c.pool.alone() {
		c.settler.settleAllInline(w)
	}
	return c.fetchLoop.fetchInline(w)
}

// maxYields bounds how often a worker lets others run before it goes to sleep: some tens of microseconds, less than it
// takes to wake it again.
const maxYields = 250

// linger waits a moment for a fetch that is going on, where the worker has just been busy, and reports whether the fetch is
// over. One worker at a time does so.
func (w *worker) linger() bool {
	i := w.consumer.fetchLoop
	if w.ended < chunkSize || i.slow.Load() || len(i.fetchLock) == 0 || !i.awaited.CompareAndSwap(false, true) {
		return false
	}
	defer i.awaited.Store(false)
	w.ended, w.now = 0, 0
	for range maxYields {
		runtime.Gosched()
		if len(i.fetchLock) == 0 {
			return true
		}
	}
	return false
}

// spares reports whether somebody else could run what waits while a worker serves the loop.
func (p *pool) spares() bool { return !p.fixed || p.active.Load() < p.limit.Load() }

// slow is tooSlow for this pool.
func (p *pool) slow(took instant, timeout time.Duration) bool {
	return tooSlow(took, timeout, p.pinned)
}

// alone reports whether one worker is all that is active, and nothing waits for another.
func (p *pool) alone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.active.Load() == 1 && !p.hasWork()
}
