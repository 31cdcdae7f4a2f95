package pipeline

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ergon-go/ergon/policy"
)

// maxIdle is the number of idle workers that an async pool keeps: enough that a busy loop does not start goroutines.
const maxIdle = 256

// pool runs flights on workers, never more at once than its limit. It hands them out in chunks, the oldest first. It wakes or starts a
// worker when there is work that none is coming for. At most one worker is coming at a time, and that one wakes the next, so a burst of
// short transactions does not wake all workers.
type pool struct {
	stats     *loopStats
	fixed     bool // sync: all workers stay
	pinned    bool // each worker keeps an OS thread
	service   poolService
	newWorker func(*slot) *worker
	work      func(*worker) // a worker's goroutine
	newDog    func() *watchdog

	limit  atomic.Int32 // how many workers may be active
	demand *demand      // nil: nobody has to know of a change of limit
	active atomic.Int32 // workers that run or look for a flight; changed under mu
	waking atomic.Bool  // a worker is coming
	queue  flightQueue  // changed under mu

	mu        sync.Mutex // guards queue and what follows; see PROTOCOL.md for its order
	idle      []*worker
	watchdogs []*watchdog
	freeSlots []*slot
	closed    bool

	workers sync.WaitGroup // one for each worker that is not abandoned
}

// poolService is what a worker without a flight does for the loop. None of it is called with the pool's lock held.
type poolService interface {
	// refill is called before the worker takes from others. It reports whether there may be flights.
	refill(w *worker) bool
	// serveIdle is called before the worker goes idle. It reports whether there may be flights.
	serveIdle(w *worker) bool
	// parked is called when the worker has become idle; last: no other is active, and nothing waits for one.
	parked(last bool)
}

func newPool(p policy.Loop, stats *loopStats) *pool {
	pool := &pool{stats: stats, fixed: p.Execution == policy.ExecutionSync, pinned: p.OSThreads}
	pool.limit.Store(int32(p.Concurrency.Value))
	return pool
}

// submit queues flights. If a worker has fetched them, they are its next chunk, unless older ones wait.
func (p *pool) submit(flights []*flight, fetchedBy *worker) {
	p.mu.Lock()
	p.queue.add(flights, fetchedBy)
	p.mu.Unlock()
	p.wakeOne()
}

// submitDue queues flights before all others.
func (p *pool) submitDue(flights []*flight) {
	p.mu.Lock()
	p.queue.addDue(flights)
	p.mu.Unlock()
	p.wakeOne()
}

// takeDue removes those that have waited and have no worker yet.
func (p *pool) takeDue() []*flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.takeDue()
}

// next returns the flight that w runs next, waiting for it; nil sends the worker home.
func (p *pool) next(w *worker) *flight {
	for {
		if p.active.Load() <= p.limit.Load() {
			if f := p.claim(w); f != nil {
				return f
			}
			if p.service.refill(w) {
				continue
			}
			if f := p.take(w, p.queue.steal); f != nil {
				return f
			}
		}
		if !p.service.serveIdle(w) && !p.park(w) {
			return nil
		}
	}
}

// claim takes a flight: one that has waited, or else one of the worker's own chunk, or else another. Whoever takes one wakes a worker for
// the next: the chain must not end while a flight waits.
func (p *pool) claim(w *worker) *flight {
	if p.queue.dueCount.Load() > 0 {
		if f := p.take(w, p.queue.nextDue); f != nil {
			return f
		}
	}
	f, more := w.slot.Carried.chunk.claim()
	if f == nil {
		w.slot.Carried.chunk = nil
		if !w.short {
			f, more = p.queue.idleChunk.Load().claim()
		}
		if f == nil {
			return p.take(w, p.queue.next)
		}
	}
	if p.wants() && (more || p.waits()) {
		p.wakeOne()
	}
	return f
}

// waits reports whether a flight waits for a worker.
func (p *pool) waits() bool {
	if p.queue.backlog.Load() > 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.hasWork()
}

// take takes the flight that find finds, and wakes a worker for the next.
func (p *pool) take(w *worker, find func(*worker) *flight) *flight {
	p.mu.Lock()
	f := find(w)
	more := f != nil && p.wants() && p.queue.hasWork()
	p.mu.Unlock()
	if more {
		p.wakeOne()
	}
	return f
}

// takeWaiting removes every flight that no worker has claimed.
func (p *pool) takeWaiting() []*flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.takeAll()
}

// takeSome removes those of a set that no worker has claimed.
func (p *pool) takeSome(set map[*flight]bool) []*flight {
	p.mu.Lock()
	taken := p.queue.takeSome(set)
	p.mu.Unlock()
	p.wakeOne() // for the rest, whose chunks are others now
	return taken
}

// running returns the attempts that workers show at the moment.
func (p *pool) running() []shown {
	p.mu.Lock()
	defer p.mu.Unlock()
	var attempts []shown
	for _, d := range p.watchdogs {
		attempts = slices.AppendSeq(attempts, d.Running)
	}
	return attempts
}

// countRunning counts the attempts that run, by phase; nil for none. It looks at every slot.
func (p *pool) countRunning(produces bool) map[policy.Phase]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var by map[policy.Phase]int64
	for _, d := range p.watchdogs {
		for s := range d.Running {
			if by == nil {
				by = map[policy.Phase]int64{}
			}
			by[phaseOf(produces, s.Attempt.mark().phase())]++
		}
	}
	return by
}
