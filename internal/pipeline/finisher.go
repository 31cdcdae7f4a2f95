package pipeline

import (
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// finisher ends flights: it judges them, reports their end, and hands them to the settler together with what becomes of their
// ordering key. Workers, the watchdog, the waiting room, an outage and the shutdown share it. It has no state of its own: its
// caller owns the flight, and the settler does afterwards.
type finisher struct {
	plan     *plan
	stats    *loopStats
	capacity *capacity
	limiter  *concurrencyLimiter
	outage   *outage
	judge    *judge
	order    *order
	inPlace  *inPlaceRequeues
	watcher  *watcher
	settler  *settler
	onEnd    func(Result) // Settings.OnEnd; nil: nobody listens
}

// finish ends f and returns the next flight of its ordering key, unless an outage holds that. If the loop keeps the order of keys and f is
// requeued, the loop keeps f instead. If f is released, so is what waits behind its key. The caller runs the successor and, if a batch
// is complete, has to wake the settler.
func (e *finisher) finish(s *shard, f *flight) (successor *flight, complete bool) {
	e.end(s, f)
	if !e.order.on {
		return nil, e.settle(s, f)
	}
	if e.inPlace.keep(s, f) {
		return nil, false
	}
	if !f.verdict.interrupted {
		successor = e.order.successor(f)
		complete = e.settle(s, f)
		if successor != nil && e.outage.lasts() && e.outage.holds([]*flight{successor}) {
			return nil, complete
		}
		return successor, complete
	}
	behind := e.order.takeBehind(f)
	complete = e.settle(s, f)
	e.release(behind)
	return nil, complete
}

// finishHere ends f on a goroutine that is not a worker's: its successor goes to the pool.
func (e *finisher) finishHere(s *shard, f *flight) {
	successor, complete := e.finish(s, f)
	if complete {
		e.settler.hurry()
	}
	if successor != nil {
		e.outage.hand([]*flight{successor}, nil)
	}
}

// finishInterrupted ends f at a shutdown, which takes out by itself what waits behind its ordering key.
func (e *finisher) finishInterrupted(f *flight) {
	s := e.stats.nextShard()
	e.end(s, f)
	if e.settle(s, f) {
		e.settler.hurry()
	}
}

// end judges a flight whose lifecycle has ended, and reports it.
func (e *finisher) end(s *shard, f *flight) {
	e.limiter.end(f)
	e.outage.record(f)
	f.verdict = e.judge.of(f.state.Outcome, f.failure)
	if f.failure != nil && f.state.Outcome != lifecycle.Succeeded {
		f.failure.at = time.Now()
	}
	if e.order.on {
		e.inPlace.bound(f)
	}
	if e.watcher.watching || f.verdict.outcome != Succeeded {
		e.watcher.transactionEnded(transactionEndOf(s, f))
	}
	if e.onEnd != nil {
		e.onEnd(resultOf(f))
	}
}

// settle hands f to the settler, and reports whether a batch is complete.
func (e *finisher) settle(s *shard, f *flight) (complete bool) {
	s.finished.Add(1) // first: whoever settles f wakes the fetch loop, which counts
	complete = e.settler.add(s, f)
	if e.outage.lasts() {
		signal(e.capacity.available)
	}
	return complete
}

// endWaiting ends flights that were taken from where they waited, because of event. Their keys go on.
func (e *finisher) endWaiting(flights []*flight, event lifecycle.Event) {
	for _, f := range flights {
		f.due = 0
		f.startAnew()
		e.plan.step(f, event)
		e.finishHere(e.stats.nextShard(), f)
	}
	if len(flights) > 0 { // otherwise the fetch loop, which is among the callers, would never rest
		e.capacity.notify()
	}
}

// release ends flights that nobody runs as a shutdown does: they are requeued uncounted.
func (e *finisher) release(waiting []*flight) {
	for _, f := range waiting {
		f.due = 0
		f.startAnew()
		f.state, _ = lifecycle.Next(f.state, lifecycle.Interrupted, e.plan.phases)
		e.finishInterrupted(f)
	}
}
