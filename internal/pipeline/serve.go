package pipeline

import (
	"runtime"
	"time"
)

// handOver is about what it costs to hand work over to another goroutine and back, where a processor has to be woken for it.
// What takes longer is not done by workers.
const handOver = 100 * time.Microsecond

// serve does what is due for the loop between two transactions: it settles a batch that is complete, and fetches where
// there is room. The fetch loop and the settler have goroutines of their own, for whatever means to wait: for room, a
// backoff, an interval, a slow source. But handing each batch over to them and back costs far more than the work itself:
// a processor goes to sleep and is woken for it. So while they wait, and as long as a call takes less than a hand-over,
// those who have the work at hand do it. While nothing waits to be run, serveIdle does it.
//
// A worker of a fixed pool has no substitute, so it serves only when there is nothing to run. Of few slots none is kept from
// what waits either, not even for a moment.
func (w *worker) serve(complete bool) {
	c := w.consumer
	w.ended++
	switch wanted := c.room.wanted.Load(); {
	case wanted == exactly:
		c.room.freed()
	case wanted == coarsely && w.ended%chunkSize == 0 && (c.intake.slow.Load() || !c.pool.spares()):
		c.room.freed()
	}
	switch {
	case !complete:
	case c.pool.spares():
		c.settler.lend(w)
	default:
		c.settler.hurry()
	}
}

// fetch has a worker that has come to the end of its chunk fetch the next, where there is room and it can be spared. What
// it fetches stays with its processor, whereas what is taken from others comes from theirs.
func (w *worker) fetch() bool {
	c := w.consumer
	switch {
	case c.intake.closely == exactly:
		return false
	case c.pool.spares():
		return c.intake.lend(w)
	default:
		c.room.freed()
		return false
	}
}

// serveIdle is serve for a worker that has nothing to run. Where no other worker is busy either, nothing will join what is
// to be settled, so it is settled now. It reports whether there may be something to run.
func (w *worker) serveIdle() bool {
	c := w.consumer
	if c.intake.lend(w) {
		return true
	}
	return c.pool.alone() && c.settler.lendAll(w) && c.intake.lend(w)
}

// mostYields bounds how often a worker lets others run before it goes to sleep: some tens of microseconds, less than it
// takes to wake it again.
const mostYields = 250

// linger waits a moment for a fetch that is going on, where the worker has just been busy, and reports whether the fetch is
// over. One worker at a time does so.
func (w *worker) linger() bool {
	i := w.consumer.intake
	if w.ended < chunkSize || i.slow.Load() || len(i.turn) == 0 || !i.awaited.CompareAndSwap(false, true) {
		return false
	}
	defer i.awaited.Store(false)
	w.ended, w.now = 0, 0
	for range mostYields {
		runtime.Gosched()
		if len(i.turn) == 0 {
			return true
		}
	}
	return false
}

// spares reports whether somebody else could run what waits while a worker serves the loop.
func (p *pool) spares() bool { return !p.fixed || p.active.Load() < p.limit.Load() }

// busy is how many workers run transactions or look for one. A fixed pool counts those that serve the loop as well.
func (p *pool) busy() int32 {
	if p.fixed {
		return p.active.Load()
	}
	return p.active.Load() - p.away.Load()
}

// alone reports whether one worker is all that is busy, and nothing waits for another.
func (p *pool) alone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.active.Load()-p.away.Load() == 1 && !p.hasWork()
}

// aside has a worker do what is no transaction. Its place is free meanwhile: at once where it has nothing to run, otherwise
// when that takes longer than a hand-over, so that what waits does not wait for it.
func (p *pool) aside(w *worker, do func()) {
	if !p.goAway(true) {
		gone := make(chan struct{})
		timer := time.AfterFunc(handOver, func() {
			p.goAway(false)
			p.wakeOne()
			close(gone)
		})
		do()
		if !timer.Stop() {
			<-gone
			p.comeBack()
		}
	} else {
		do()
		p.comeBack()
	}
	w.now = 0
}

func (p *pool) goAway(onlyIfIdle bool) bool {
	p.mu.Lock()
	if onlyIfIdle && p.hasWork() {
		p.mu.Unlock()
		return false
	}
	p.away.Add(1)
	resting := p.restsLocked()
	p.mu.Unlock()
	if resting {
		p.consumer.settler.hurry()
	}
	return true
}

func (p *pool) comeBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away.Add(-1)
}

// restsLocked reports whether no worker is busy any more and nothing waits: nothing will join what is pending, so the
// settler may as well hurry.
func (p *pool) restsLocked() bool {
	return p.active.Load() == p.away.Load() && !p.hasWork()
}

// turn is a lock that is held for as long as a fetch or a settlement takes. Whoever waits for it waits as for any event.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take() { t <- struct{}{} }
func (t turn) give() { <-t }

func (t turn) tryTake() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}
