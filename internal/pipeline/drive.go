package pipeline

import (
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// caller is what workers share to make attempts: they arm one, call its handler, and record the result.
type caller struct {
	plan     *plan
	clock    clock
	handlers *ergon.Task
	hybrid   *hybrid // nil: handlers produce nothing
	watch    *attemptWatch
	watcher  *watcher
	shutdown *shutdown
}

// driver is what workers share to take a transaction from its first attempt to its end.
type driver struct {
	plan     *plan
	watcher  *watcher
	limiter  *concurrencyLimiter
	leases   *leases
	backoffs backoffs
	headroom *headroom
	waiting  *waitingRoom
	finisher *finisher
	service  *service
	stop     func(error) // ends fetching for this reason
}

// run drives f, and then the flights that its ordering key held back. False means that a flight was taken over.
func (w *worker) run(f *flight) bool {
	if f.due != 0 {
		return w.runWaited(f)
	}
	return w.drive(f, w.begin(f))
}

// resume continues a flight of another worker: with the action that w was made with, or with the call that the other was in.
func (w *worker) resume(f *flight) bool {
	action := w.action
	if w.unprepared.preparation != nil {
		event, owned := w.callHandler(f, w.unprepared.inbound)
		if !owned {
			return false
		}
		action = w.driver.plan.step(f, event)
	}
	return w.drive(f, action)
}

// runWaited runs a flight that has waited and has a slot now. The time since it was due does not count against its deadline.
func (w *worker) runWaited(f *flight) bool {
	due := f.due
	f.due = 0
	w.driver.finisher.held.restart(f)
	if f.state == lifecycle.Start() {
		return w.drive(f, w.begin(f))
	}
	w.now = 0
	if f.deadline != 0 {
		f.deadline = w.driver.leases.bound(f, f.deadline.After(time.Duration(w.instant()-due)))
	}
	w.driver.limiter.begin(f)
	w.shard.retries.Add(1)
	return w.drive(f, lifecycle.Run)
}

// begin begins the first attempt of f, and returns what to do. If f has waited so long that its source lets it be held no longer, it goes
// back uncounted.
func (w *worker) begin(f *flight) lifecycle.Action {
	d := w.driver
	w.shard.started.Add(1)
	f.began = w.instant()
	if d.plan.total > 0 {
		f.deadline = d.leases.bound(f, f.began.After(d.plan.total))
	}
	if d.watcher.spans.on {
		f.extras = f.extras.traced(d.watcher.spans.transactionStarted(f.tx, f.extras.fetchedBy()))
	}
	d.limiter.begin(f)
	if f.deadline != 0 && f.deadline <= f.began {
		return d.plan.step(f, lifecycle.Interrupted)
	}
	return lifecycle.Run
}

// drive does what the state machine says until f is not the worker's any more, and continues with what its ordering key held back. False
// means that a flight was taken over.
func (w *worker) drive(f *flight, action lifecycle.Action) bool {
	d := w.driver
	for {
		switch action {
		case lifecycle.Finish:
			w.short = w.now != 0 && w.now-f.began < shortWork
			successor, complete := d.finisher.finish(w.shard, f)
			d.service.ended(w, complete, successor != nil)
			if f = successor; f == nil {
				return true
			}
			if action = w.begin(f); action == lifecycle.Finish {
				continue
			}
		case lifecycle.Retry:
			event, beside := d.backoffs.wait(f)
			w.now = 0
			if beside {
				return true
			}
			if event != lifecycle.OK {
				action = d.plan.step(f, event)
				continue
			}
		case lifecycle.Run:
		}
		event := w.caller.cut(f)
		if event == lifecycle.OK && d.headroom.isFull() && !w.waitHeadroom() {
			event = lifecycle.Interrupted
		}
		if event != lifecycle.OK {
			action = d.plan.step(f, event)
			continue
		}
		event, owned := w.attempt(f)
		if !owned {
			return false
		}
		action = d.plan.step(f, event)
	}
}

// waitHeadroom reports whether another attempt may start although too many were given up and have not returned. If not, the loop stops.
func (w *worker) waitHeadroom() bool {
	d := w.driver
	w.now = 0
	ok, last := d.headroom.wait()
	if last {
		d.finisher.endWaiting(d.waiting.close(), lifecycle.Interrupted) // whose next attempts would not start either
		d.stop(fmt.Errorf("%w: %d attempts were given up at their deadline and their handlers have not returned "+
			"(loop.concurrency.headroom is %d); make them respect their context", ErrHeadroom, d.headroom.used(), d.headroom.max))
	}
	return ok
}
