package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// signal wakes one that waits for ch, now or later.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// expire gives up attempts that have reached their deadlines, without waiting for their handlers. The watchdog has taken them. New
// workers go on with the transactions that need another call. The others end here, unless a meter or a tracer is called, which may
// hang [F1]. It is done here because the runtime lets a new goroutine wait for seconds if many handlers compute.
func (c *Consumer) expire(due []shown) {
	var successors []*worker
	var ended []shown
	tell := make([]func(), len(due))
	for i, d := range due {
		f := d.Slot.Carried.flight
		var event lifecycle.Event
		event, tell[i] = c.giveUp(d.Slot, d.Attempt)
		if action := c.plan.step(f, event); action == lifecycle.Finish && !c.watcher.callsOut() {
			ended = append(ended, d)
		} else {
			successors = append(successors, c.pool.successor(d.Slot, f, action))
		}
	}
	c.pool.startAll(successors)
	successors = nil
	for _, d := range ended {
		next, complete := c.finisher.finish(d.Slot.Carried.shard, d.Slot.Carried.flight)
		if complete {
			c.settler.hurry()
		}
		if next != nil {
			c.outage.hand([]*flight{next}, nil)
		}
		successors = append(successors, c.pool.successor(d.Slot, nil, lifecycle.Finish))
	}
	c.pool.startAll(successors)
	for _, told := range tell { // once all of them go on [F2]
		told()
	}
}

// giveUp ends an attempt at its deadline. The caller calls tell once nobody waits for what it decided [F2].
func (c *Consumer) giveUp(s *slot, a *handlerAttempt) (event lifecycle.Event, tell func()) {
	cause := ergon.ErrAttemptTimeout
	if a.mark().byBudget() {
		cause = ergon.ErrTransactionTimeout
	}
	c.abandoned(a)
	a.End(context.DeadlineExceeded, cause)
	event = a.timeoutEvent()
	if s.Carried.flight.lost.Load() {
		event = lifecycle.LeaseLost
	}
	err, f := c.plan.timeout(a, nil), s.Carried.flight
	now := c.clock.Now()
	took := now - f.started
	on := c.stats.nextShard()
	c.attempted(on, f, a, event, err, now)
	return event, func() { c.watcher.attemptEnded(endOf(a, on, event, err, took)) }
}

// abandoned counts an attempt that was given up.
func (c *Consumer) abandoned(a *handlerAttempt) {
	c.headroom.giveUp()
	c.stuckCheck.later(func() {
		if !a.CameBack() {
			c.watcher.stuck(a, c.headroom.used())
		}
	})
}

// late counts what an attempt returned after it was given up, and discards it [T1].
func (c *Consumer) late(a *handlerAttempt, err error) {
	a.ComeBack()
	c.headroom.comeBack()
	if a.mark().phase() == lifecycle.Prepare { // whose handlers are counted each by itself
		return
	}
	c.stats.late.Add(1)
	c.watcher.late(a, time.Duration(c.clock.Now()-a.Until), err)
}

// waitHeadroom reports whether another attempt may start although too many were given up and have not returned. If not, the loop stops.
func (w *worker) waitHeadroom() bool {
	c := w.consumer
	w.now = 0
	ok, last := c.headroom.wait()
	if last {
		c.finisher.endWaiting(c.waiting.close(), lifecycle.Interrupted) // whose next attempts would not start either
		c.stopFetching(fmt.Errorf("%w: %d attempts were given up at their deadline and their handlers have not returned "+
			"(loop.concurrency.headroom is %d); make them respect their context", ErrHeadroom, c.headroom.used(), c.headroom.max))
	}
	return ok
}

// interrupt cancels every handler that runs or is about to. Their cause names a loop timeout [R2].
func (c *Consumer) interrupt(why error) {
	cause := ergon.ErrInterrupted
	if errors.Is(why, ergon.ErrLoopTimeout) {
		cause = fmt.Errorf("%w: %w", cause, why)
	}
	c.interrupting.Store(true)
	for _, a := range c.pool.running() {
		a.Attempt.End(context.Canceled, cause)
	}
}

// abandon ends every transaction whose handler has not returned, and requeues it to the source.
func (c *Consumer) abandon() {
	var taken []shown
	for _, r := range c.pool.running() {
		if r.Attempt.Abandon() {
			taken = append(taken, r)
			r.Attempt.End(context.Canceled, ergon.ErrInterrupted)
		}
	}
	for _, r := range taken { // once all of them are cancelled [F2]
		a, f := r.Attempt, r.Slot.Carried.flight // whose worker does not touch the slot any more
		c.abandoned(a)
		now := c.clock.Now()
		took := now - f.started
		on := c.stats.nextShard()
		c.attempted(on, f, a, lifecycle.Interrupted, ergon.ErrInterrupted, now)
		c.plan.step(f, lifecycle.Interrupted)
		c.watcher.attemptEnded(endOf(a, on, lifecycle.Interrupted, ergon.ErrInterrupted, took))
		if c.finisher.finishAlone(c.stats.nextShard(), f) {
			c.settler.hurry()
		}
		c.pool.workers.Done()
	}
}
