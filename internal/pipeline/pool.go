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

	limit     atomic.Int32          // how many workers may be active
	active    atomic.Int32          // workers that run or look for a flight; changed under mu
	backlog   atomic.Int32          // flights in chunks that no worker has taken; changed under mu
	dueCount  atomic.Int32          // flights in due; changed under mu
	waking    atomic.Bool           // a worker is coming
	idleChunk atomic.Pointer[chunk] // was idle at the last look: workers without a chunk take from it; set under mu
	_         [64]byte              // between what is read for every flight and what is written for every chunk

	mu        sync.Mutex // guards what follows; see PROTOCOL.md for its order
	due       []*flight  // have waited beside the pool, and come before what is in chunks
	chunks    []*chunk   // not taken yet, the oldest first
	open      []*chunk   // taken, the oldest first
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
	if w := fetchedBy; w != nil && len(p.chunks) == 0 && (w.slot.Carried.chunk == nil || w.slot.Carried.chunk.left() == 0) {
		w.slot.Carried.chunk = &chunk{flights: flights}
		p.open = append(p.open, w.slot.Carried.chunk)
	} else {
		p.chunks = append(p.chunks, chunksOf(flights)...)
		p.backlog.Add(int32(len(flights)))
	}
	p.mu.Unlock()
	p.wakeOne()
}

// submitDue queues flights before all others.
func (p *pool) submitDue(flights []*flight) {
	p.mu.Lock()
	p.due = append(p.due, flights...)
	p.dueCount.Store(int32(len(p.due)))
	p.mu.Unlock()
	p.wakeOne()
}

// dueLocked takes the first of those that have waited.
func (p *pool) dueLocked(*worker) *flight {
	if len(p.due) == 0 {
		return nil
	}
	f := p.due[0]
	p.due[0] = nil
	p.due = p.due[1:]
	p.dueCount.Store(int32(len(p.due)))
	return f
}

// takeDue removes those that have waited and have no worker yet.
func (p *pool) takeDue() []*flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := p.due
	p.due = nil
	p.dueCount.Store(0)
	return due
}

// ownLocked makes b the worker's own, and claims its first flight. Nil is an empty chunk.
func (p *pool) ownLocked(w *worker, b *chunk) *flight {
	if b == nil {
		return nil
	}
	w.slot.Carried.chunk = b
	p.open = append(p.open, b)
	f, _ := b.claim()
	return f
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
			if f := p.take(w, p.stealLocked); f != nil {
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
	if p.dueCount.Load() > 0 {
		if f := p.take(w, p.dueLocked); f != nil {
			return f
		}
	}
	f, more := w.slot.Carried.chunk.claim()
	if f == nil {
		w.slot.Carried.chunk = nil
		if !w.short {
			f, more = p.idleChunk.Load().claim()
		}
		if f == nil {
			return p.take(w, p.takeLocked)
		}
	}
	if p.wants() && (more || p.waits()) {
		p.wakeOne()
	}
	return f
}

// waits reports whether a flight waits for a worker.
func (p *pool) waits() bool {
	if p.backlog.Load() > 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hasWork()
}

// maxIdleChunks bounds the number of open chunks that a worker looks into before it takes a new one, and so the time under mu.
const maxIdleChunks = 4

// take takes the flight that find finds, and wakes a worker for the next.
func (p *pool) take(w *worker, find func(*worker) *flight) *flight {
	p.mu.Lock()
	f := find(w)
	more := f != nil && p.wants() && p.hasWork()
	p.mu.Unlock()
	if more {
		p.wakeOne()
	}
	return f
}

// takeLocked takes from an older chunk that is idle, or else the next chunk that has no worker. If transactions are short, w takes half of
// the idle chunk; otherwise one flight, and leaves the others to more workers. Decision 0043.
func (p *pool) takeLocked(w *worker) *flight {
	p.open = slices.DeleteFunc(p.open, func(b *chunk) bool { return b.left() == 0 })
	for _, b := range p.open[:min(len(p.open), maxIdleChunks)] {
		if !b.idle() {
			continue
		}
		if w.short {
			return p.ownLocked(w, b.split())
		}
		p.idleChunk.Store(b)
		if f, _ := b.claim(); f != nil {
			return f
		}
	}
	if len(p.chunks) == 0 {
		return nil
	}
	b := p.chunks[0]
	p.chunks[0] = nil
	p.chunks = p.chunks[1:]
	p.backlog.Add(-int32(len(b.flights)))
	return p.ownLocked(w, b)
}

// stealLocked takes a part of a chunk whose worker is not idle.
func (p *pool) stealLocked(w *worker) *flight {
	for _, b := range p.open {
		if f := p.ownLocked(w, b.split()); f != nil {
			return f
		}
	}
	return nil
}

func (p *pool) hasWork() bool {
	return len(p.due) > 0 || len(p.chunks) > 0 || slices.ContainsFunc(p.open, func(b *chunk) bool { return b.left() > 0 })
}

// takeWaiting removes every flight that no worker has claimed.
func (p *pool) takeWaiting() []*flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	var taken []*flight
	for _, b := range append(p.open, p.chunks...) {
		for f, _ := b.claim(); f != nil; f, _ = b.claim() {
			taken = append(taken, f)
		}
	}
	p.open, p.chunks = nil, nil
	p.backlog.Store(0)
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

// atWork counts the attempts that run, by phase; nil for none. It looks at every slot.
func (p *pool) atWork(produces bool) map[policy.Phase]int64 {
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
