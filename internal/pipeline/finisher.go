package pipeline

import (
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// finisher ends flights: it judges and reports them, passes them to the settler, and takes care of the flights held behind their
// ordering key. Workers, the watchdog, the waiting room, an outage and the shutdown share it. It has no state: its caller owns the
// flight, and afterwards the settler does.
type finisher struct {
	plan     *plan
	stats    *loopStats
	capacity *capacity
	limiter  *concurrencyLimiter
	outage   *outage
	judge    *judge
	order    *order
	held     *heldRequeues
	watcher  *watcher
	settler  *settler
	onEnd    func(Result) // Settings.OnEnd; may be nil
}

// finish ends f and returns the next flight of its ordering key, unless an outage holds that. If the loop keeps the order of keys, a
// requeued f is held instead of settled. An interrupted f is settled together with the flights behind its key. The caller runs the
// successor and, if complete, wakes the settler.
func (e *finisher) finish(s *shard, f *flight) (successor *flight, complete bool) {
	e.end(s, f)
	if (e.order.on || e.held.all) && e.held.hold(s, f) {
		return nil, false
	}
	if !e.order.on {
		return nil, e.settle(s, f)
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
		e.settler.settleNow()
	}
	if successor != nil {
		e.outage.hand([]*flight{successor}, nil)
	}
}

// finishInterrupted ends f during a shutdown. It leaves the flights behind its ordering key to its caller.
func (e *finisher) finishInterrupted(f *flight) {
	s := e.stats.nextShard()
	e.end(s, f)
	if e.settle(s, f) {
		e.settler.settleNow()
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
	if e.order.on || e.held.all {
		e.held.bound(f)
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
	s.finished.Add(1) // before add: whoever settles f wakes the fetch loop, which reads it
	complete = e.settler.add(s, f)
	if e.outage.lasts() {
		signal(e.capacity.available)
	}
	return complete
}

// endWaiting ends flights that were removed from the waiting room, a key or an outage, because of event. The next of their keys run.
func (e *finisher) endWaiting(flights []*flight, event lifecycle.Event) {
	for _, f := range flights {
		f.due = 0
		f.restart()
		e.plan.step(f, event)
		e.finishHere(e.stats.nextShard(), f)
	}
	if len(flights) > 0 { // otherwise the fetch loop, a caller, would wake itself for ever
		e.capacity.notify()
	}
}

// release ends flights that do not run as a shutdown does: they are requeued uncounted.
func (e *finisher) release(waiting []*flight) {
	for _, f := range waiting {
		f.due = 0
		f.restart()
		f.state, _ = lifecycle.Next(f.state, lifecycle.Interrupted, e.plan.phases)
		e.finishInterrupted(f)
	}
}
