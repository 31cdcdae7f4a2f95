package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// shutdown shows workers how far a shutdown has come. The end of the run changes it; workers look at it between two attempts.
type shutdown struct {
	started      chan struct{} // closed when it starts: ends backoffs
	interrupting atomic.Bool   // handlers are cancelled, and none is called any more
}

// takeover takes attempts from workers whose handlers have not returned: the watchdogs at a deadline, the shutdown at its end. The
// worker never comes back from such an attempt [T1]. Its flight ends here, or a successor continues with it.
type takeover struct {
	plan     *plan
	clock    clock
	stats    *loopStats
	pool     *pool
	watch    *attemptWatch
	watcher  *watcher
	finisher *finisher
	shutdown *shutdown
}

// expire gives up attempts that have reached their deadlines, without waiting for their handlers. The watchdog has taken them. New
// workers continue with the transactions that need another call. The others end here, unless a meter or a tracer is called, which may
// hang [F1]. It is done here because the runtime lets a new goroutine wait for seconds if many handlers compute.
func (t *takeover) expire(due []shown) {
	var successors []*worker
	var finished []shown
	report := make([]func(), len(due))
	for i, d := range due {
		f := d.Slot.Carried.flight
		var event lifecycle.Event
		event, report[i] = t.giveUp(d.Slot, d.Attempt)
		if action := t.plan.step(f, event); action == lifecycle.Finish && !t.watcher.callsForeign() {
			finished = append(finished, d)
		} else {
			successors = append(successors, t.pool.successor(d.Slot, f, action))
		}
	}
	t.pool.startAll(successors)
	successors = nil
	for _, d := range finished {
		t.finisher.finishHere(d.Slot.Carried.shard, d.Slot.Carried.flight)
		successors = append(successors, t.pool.successor(d.Slot, nil, lifecycle.Finish))
	}
	t.pool.startAll(successors)
	for _, reportEnd := range report { // once all of them continue [F2]
		reportEnd()
	}
}

// giveUp ends an attempt at its deadline. The caller calls report once nobody waits for what it decided [F2].
func (t *takeover) giveUp(s *slot, a *handlerAttempt) (event lifecycle.Event, report func()) {
	cause := ergon.ErrAttemptTimeout
	if a.mark().byBudget() {
		cause = ergon.ErrTransactionTimeout
	}
	t.watch.givenUp(a)
	a.End(context.DeadlineExceeded, cause)
	event = a.timeoutEvent()
	if s.Carried.flight.lost.Load() {
		event = lifecycle.LeaseLost
	}
	err, f := t.plan.timeout(a, nil), s.Carried.flight
	now := t.clock.Now()
	took := now - f.started
	on := t.stats.nextShard()
	t.watch.attempted(on, f, a, event, err, now)
	return event, func() { t.watcher.attemptEnded(endOf(a, on, event, err, took)) }
}

// interrupt cancels every handler that runs or is about to. Their cause names a loop timeout [R2].
func (t *takeover) interrupt(why error) {
	cause := ergon.ErrInterrupted
	if errors.Is(why, ergon.ErrLoopTimeout) {
		cause = fmt.Errorf("%w: %w", cause, why)
	}
	t.shutdown.interrupting.Store(true)
	for _, a := range t.pool.running() {
		a.Attempt.End(context.Canceled, cause)
	}
}

// abandon ends every transaction whose handler has not returned, and requeues it to the source.
func (t *takeover) abandon() {
	var taken []shown
	for _, r := range t.pool.running() {
		if r.Attempt.Abandon() {
			taken = append(taken, r)
			r.Attempt.End(context.Canceled, ergon.ErrInterrupted)
		}
	}
	for _, r := range taken { // once all of them are cancelled [F2]
		a, f := r.Attempt, r.Slot.Carried.flight // whose worker does not touch the slot any more
		t.watch.givenUp(a)
		now := t.clock.Now()
		took := now - f.started
		on := t.stats.nextShard()
		t.watch.attempted(on, f, a, lifecycle.Interrupted, ergon.ErrInterrupted, now)
		t.plan.step(f, lifecycle.Interrupted)
		t.watcher.attemptEnded(endOf(a, on, lifecycle.Interrupted, ergon.ErrInterrupted, took))
		t.finisher.finishInterrupted(f)
		t.pool.workers.Done()
	}
}
