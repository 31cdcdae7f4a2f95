package pipeline

import "runtime"

// service is what workers do for the loop between two transactions: they settle a batch that is complete, and fetch if there is
// capacity. The fetch loop and the settler have goroutines of their own, for whatever means to wait: for capacity, a backoff, an
// interval, a slow source. But handing each batch over to them and back costs far more than the work itself: a processor goes to sleep
// and is woken for it. So while they wait, and as long as a call takes less than a hand-over, those who have the work at hand do it.
// Decisions 0042 and 0043.
type service struct {
	pool      *pool
	capacity  *capacity
	fetchLoop *fetchLoop
	settler   *settler
}

var _ poolService = (*service)(nil)

// ended is called after each transaction of w; complete: it was the last of a batch that may be settled; busy: w has another
// transaction that nobody else knows of.
//
// A worker of a fixed pool whose workers are all active has no substitute: it leaves settling to the settler's goroutine. So does one
// that is busy. Of few slots none fetches while something waits.
func (s *service) ended(w *worker, complete, busy bool) {
	w.runs++
	switch wanted := s.capacity.wakeOn.Load(); {
	case wanted == wakeOnEvery:
		s.capacity.notify()
	case wanted == wakeOnChunk && w.runs%chunkSize == 0 && (s.fetchLoop.slow.Load() || !s.pool.spares()):
		s.capacity.notify()
	}
	switch {
	case !complete:
	case busy, !s.pool.spares():
		s.settler.settleNow()
	default:
		s.settler.settleInline(w)
	}
}

// refill lets a worker that has come to the end of its chunk fetch the next, if there is capacity and it can be spared. What it fetches
// stays with its processor, whereas what is taken from others comes from theirs.
func (s *service) refill(w *worker) bool {
	switch {
	case s.capacity.whileWaiting == wakeOnEvery:
		return false
	case s.pool.spares():
		return s.fetchLoop.fetchInline(w)
	default:
		s.capacity.notify()
		return false
	}
}

// serveIdle settles, if no other worker is active, because nothing will join what is to be settled; and fetches, or waits for the
// fetch of another.
func (s *service) serveIdle(w *worker) bool {
	if s.pool.alone() {
		s.settler.settleAllInline(w)
	}
	return s.fetchLoop.fetchInline(w) || s.linger(w)
}

// parked calls the settler if nothing will join what is to be settled, and the fetch loop if there are slots for which nothing was
// fetched.
func (s *service) parked(last bool) {
	if last {
		s.settler.settleNow()
	}
	if s.capacity.idle() {
		s.capacity.notify()
	}
}

// maxYields bounds how often a worker lets others run before it goes to sleep: some tens of microseconds, less than it
// takes to wake it again.
const maxYields = 250

// linger waits a moment for a fetch that is going on, if the worker has just been busy, and reports whether the fetch is
// over. One worker at a time does so.
func (s *service) linger(w *worker) bool {
	i := s.fetchLoop
	if w.runs < chunkSize || i.slow.Load() || len(i.fetchLock) == 0 || !i.awaited.CompareAndSwap(false, true) {
		return false
	}
	defer i.awaited.Store(false)
	w.runs, w.now = 0, 0
	for range maxYields {
		runtime.Gosched()
		if len(i.fetchLock) == 0 {
			return true
		}
	}
	return false
}
