package pipeline

import (
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// wants reports whether the pool could use another worker: none is coming, and the limit is not reached.
func (p *pool) wants() bool { return !p.waking.Load() && p.active.Load() < p.limit.Load() }

// wakeOne wakes or starts a worker if the pool wants one.
func (p *pool) wakeOne() {
	if !p.wants() || !p.waking.CompareAndSwap(false, true) {
		return
	}
	switch w, idle := p.activate(); {
	case w == nil:
		p.waking.Store(false)
	case idle:
		w.wake <- struct{}{}
	default:
		go func() {
			p.waking.Store(false)
			p.work(w)
		}()
	}
}

// activate makes an idle worker active, or a new one; nil if the limit is reached or the pool is closed.
func (p *pool) activate() (w *worker, idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.active.Load() >= p.limit.Load() {
		return nil, false
	}
	p.active.Add(1)
	if n := len(p.idle); n > 0 {
		w, idle = p.idle[n-1], true
		p.idle = p.idle[:n-1]
	} else {
		w = p.newWorkerLocked()
		p.workers.Add(1)
	}
	w.shard = p.stats.enter()
	w.slot.Carried.shard = w.shard
	return w, idle
}

// park waits until w is woken; false sends it home.
func (p *pool) park(w *worker) bool {
	p.mu.Lock()
	if p.queue.hasWork() && p.active.Load() <= p.limit.Load() {
		p.mu.Unlock()
		return true
	}
	p.active.Add(-1)
	p.stats.leave(w.shard)
	last := p.active.Load() == 0 && !p.queue.hasWork()
	home := p.closed || (!p.fixed && len(p.idle) >= maxIdle)
	w.slot.Clear()
	if home {
		p.freeSlots = append(p.freeSlots, w.slot)
	} else {
		if w.wake == nil {
			w.wake = make(chan struct{}, 1)
		}
		p.idle = append(p.idle, w)
	}
	p.mu.Unlock()
	p.service.parked(last)
	if home {
		return false
	}
	_, woken := <-w.wake
	w.now = 0
	p.waking.Store(false)
	return woken
}

func (p *pool) newWorkerLocked() *worker {
	if len(p.freeSlots) == 0 {
		d := p.newDog()
		p.watchdogs = append(p.watchdogs, d)
		for i := range attempt.SlotsPerWatchdog {
			p.freeSlots = append(p.freeSlots, d.Slot(attempt.SlotsPerWatchdog-1-i))
		}
	}
	last := len(p.freeSlots) - 1
	s := p.freeSlots[last]
	p.freeSlots = p.freeSlots[:last]
	return p.newWorker(s)
}

// successor is a new worker that takes over slot s and continues with f by action; with another flight if f is nil.
func (p *pool) successor(s *slot, f *flight, action lifecycle.Action) *worker {
	w := p.newWorker(s)
	w.resumed, w.action, w.shard = f, action, s.Carried.shard
	return w
}

// replace starts a successor.
func (p *pool) replace(s *slot, f *flight, action lifecycle.Action) {
	go p.work(p.successor(s, f, action))
}

// startAll starts workers, each of which starts the next before anything else. What a goroutine starts last runs when that ends its
// turn; the runtime puts all others behind everything that is runnable, which takes seconds if many handlers compute.
func (p *pool) startAll(workers []*worker) {
	for i := range len(workers) - 1 {
		workers[i].startFirst = workers[i+1]
	}
	if len(workers) > 0 {
		go p.work(workers[0])
	}
}

// startNext starts the worker that w has to start before anything else.
func (p *pool) startNext(w *worker) {
	if next := w.startFirst; next != nil {
		w.startFirst = nil
		go p.work(next)
	}
}

// replaceWorker starts a worker in the slot of w, whose goroutine is busy with a call for the loop.
func (p *pool) replaceWorker(w *worker) { p.replace(w.slot, nil, lifecycle.Run) }

// setLimit changes how many workers may be active. Workers above a lowered limit become idle when their transaction ends.
func (p *pool) setLimit(n int) {
	if int32(n) != p.limit.Swap(int32(n)) {
		p.wakeOne()
		p.demand.changed()
	}
}

// close ends idle workers, and the others once they have no flight. No worker is woken or started any more.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, w := range p.idle {
		close(w.wake)
	}
	p.idle = nil
	for _, d := range p.watchdogs {
		d.Stop()
	}
}

// spares reports whether another worker could run what waits while one serves the loop.
func (p *pool) spares() bool { return !p.fixed || p.active.Load() < p.limit.Load() }

// alone reports whether only one worker is active, and nothing waits for another.
func (p *pool) alone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.active.Load() == 1 && !p.queue.hasWork()
}
