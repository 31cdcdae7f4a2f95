package pipeline

import "time"

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
	switch wanted := c.room.wanted.Load(); {
	case wanted == exactly:
		c.room.freed()
	case wanted == notWanted, w.slot.chunk != nil && w.slot.chunk.left() > 0:
	case c.pool.fixed:
		c.room.freed()
	case c.pool.backlog.Load() > 0:
		c.intake.lend(w)
	}
	switch {
	case !complete:
	case c.pool.fixed:
		c.settler.hurry()
	default:
		c.settler.lend(w, int(c.settler.enough))
	}
}

// serveIdle is serve for a worker that has nothing to run. Where no other worker is busy either, nothing will join what is
// to be settled, so it is settled now. It reports whether there may be something to run.
func (w *worker) serveIdle() bool {
	c := w.consumer
	if c.intake.lend(w) {
		return true
	}
	return c.pool.alone() && c.settler.lend(w, 1) && c.intake.lend(w)
}

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
	p.mu.Lock()
	idle := !p.hasWork()
	if idle {
		p.goAwayLocked()
	}
	p.mu.Unlock()
	if idle {
		do()
		p.comeBack()
	} else {
		gone := make(chan struct{})
		timer := time.AfterFunc(handOver, func() {
			p.mu.Lock()
			p.goAwayLocked()
			p.mu.Unlock()
			p.wakeOne()
			close(gone)
		})
		do()
		if !timer.Stop() {
			<-gone
			p.comeBack()
		}
	}
	w.now = 0
}

func (p *pool) goAwayLocked() {
	p.away.Add(1)
	p.restLocked()
}

func (p *pool) comeBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away.Add(-1)
}

// restLocked has the settler hurry when no worker is busy any more and nothing waits: nothing will join what is pending.
func (p *pool) restLocked() {
	if p.active.Load() == p.away.Load() && !p.hasWork() {
		p.consumer.settler.hurry()
	}
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
