package pipeline

import (
	"slices"
	"sync"
	"sync/atomic"
)

// idleAsync is how many idle workers an async pool keeps: enough that a busy loop does not start goroutines.
const idleAsync = 256

// pool runs flights on workers: never more at once than its limit. A worker takes flights from the batches one by one; it
// is woken, or started, when there is work that no worker is on its way to. At most one worker is on its way at a time and
// wakes the next one itself, so a burst of short transactions does not wake everybody.
type pool struct {
	consumer *Consumer
	fixed    bool // sync: workers stay, up to most of them
	pinned   bool // each worker has an OS thread of its own
	limit    atomic.Int32
	current  atomic.Pointer[batch]
	queued   atomic.Int32 // batches behind current
	onTheWay atomic.Bool

	mu        sync.Mutex
	batches   []*batch
	idle      []*worker
	active    atomic.Int32 // workers that run or look for a flight; changed under mu
	watchdogs []*watchdog
	freeSlots []*slot
	newDog    func() *watchdog
	workers   sync.WaitGroup // one for each worker that is not abandoned
	closed    bool
}

func (p *pool) submit(b *batch) {
	p.mu.Lock()
	if !p.current.CompareAndSwap(nil, b) {
		p.batches = append(p.batches, b)
		p.queued.Store(int32(len(p.batches))) //nolint:gosec // bounded by the concurrency
	}
	p.mu.Unlock()
	p.wakeOne()
}

// wakeOne sets a worker on its way, unless one is already or the limit is reached.
func (p *pool) wakeOne() {
	if p.active.Load() >= p.limit.Load() || !p.onTheWay.CompareAndSwap(false, true) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.active.Load() >= p.limit.Load() {
		p.onTheWay.Store(false)
		return
	}
	p.active.Add(1)
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		w.wake <- struct{}{}
		return
	}
	w := p.newWorkerLocked()
	p.workers.Add(1)
	go w.start()
}

// next returns the flight that w runs next, waiting for it; nil sends the worker home.
func (p *pool) next(w *worker) *flight {
	for {
		if p.active.Load() <= p.limit.Load() {
			if f := p.claim(); f != nil {
				return f
			}
		}
		if !p.park(w) {
			return nil
		}
	}
}

func (p *pool) claim() *flight {
	for {
		b := p.current.Load()
		if b == nil {
			return nil
		}
		f, more := b.claim()
		if f == nil {
			p.advance(b)
			continue
		}
		if more || p.queued.Load() > 0 {
			p.wakeOne()
		}
		return f
	}
}

// advance replaces a batch that is used up.
func (p *pool) advance(used *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current.Load() != used {
		return
	}
	var following *batch
	if len(p.batches) > 0 {
		following = p.batches[0]
		p.batches = slices.Delete(p.batches, 0, 1)
		p.queued.Store(int32(len(p.batches))) //nolint:gosec // bounded by the concurrency
	}
	p.current.Store(following)
}

// park waits until w is woken; false sends it home.
func (p *pool) park(w *worker) bool {
	p.mu.Lock()
	if p.hasWork() && p.active.Load() <= p.limit.Load() {
		p.mu.Unlock()
		return true
	}
	p.active.Add(-1)
	if p.closed || (!p.fixed && len(p.idle) >= idleAsync) {
		p.freeSlots = append(p.freeSlots, w.slot)
		w.slot.index.Store(none)
		p.mu.Unlock()
		return false
	}
	w.slot.index.Store(none)
	p.idle = append(p.idle, w)
	p.mu.Unlock()
	_, woken := <-w.wake
	w.now = 0
	p.onTheWay.Store(false)
	return woken
}

func (p *pool) hasWork() bool {
	b := p.current.Load()
	return b != nil && (b.cursor.Load() < int64(len(b.flights)) || len(p.batches) > 0)
}

// takeWaiting removes every flight that no worker has claimed.
func (p *pool) takeWaiting() []*flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	var taken []*flight
	if b := p.current.Swap(nil); b != nil {
		p.batches = append([]*batch{b}, p.batches...)
	}
	for _, b := range p.batches {
		for f, _ := b.claim(); f != nil; f, _ = b.claim() {
			taken = append(taken, f)
		}
	}
	p.batches = nil
	p.queued.Store(0)
	return taken
}

// setLimit changes how many may run at once. Workers above a lowered limit go idle after what they are running.
func (p *pool) setLimit(n int) {
	if int32(n) != p.limit.Swap(int32(n)) { //nolint:gosec // validated by the policy
		p.wakeOne()
	}
}

// close sends idle workers home; no batch is submitted any more.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, w := range p.idle {
		close(w.wake)
	}
	p.idle = nil
	for _, d := range p.watchdogs {
		d.stop()
	}
}

// running returns the attempts that workers show at the moment.
func (p *pool) running() []*attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	var attempts []*attempt
	for _, d := range p.watchdogs {
		for i := range d.slots {
			if a := d.slots[i].attempt(); a != nil && a.owner.Load() == running {
				attempts = append(attempts, a)
			}
		}
	}
	return attempts
}

func (p *pool) newWorkerLocked() *worker {
	if len(p.freeSlots) == 0 {
		d := p.newDog()
		p.watchdogs = append(p.watchdogs, d)
		for i := range d.slots {
			p.freeSlots = append(p.freeSlots, &d.slots[len(d.slots)-1-i])
		}
	}
	last := len(p.freeSlots) - 1
	s := p.freeSlots[last]
	p.freeSlots = p.freeSlots[:last]
	return newWorker(p.consumer, s)
}
