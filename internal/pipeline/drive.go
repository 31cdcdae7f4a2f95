package pipeline

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// run drives f, and then what its ordering key held back; false means that a flight was taken over.
func (c *Consumer) run(w *worker, f *flight) bool {
	c.begin(w, f)
	return c.drive(w, f, lifecycle.Run)
}

// resume drives on a flight to which event has happened on another worker.
func (c *Consumer) resume(w *worker, f *flight, event lifecycle.Event) bool {
	return c.drive(w, f, c.step(f, event))
}

func (c *Consumer) begin(w *worker, f *flight) {
	w.shard.started.Add(1)
	f.began = w.instant()
	if t := c.settings.Policy.Loop.TransactionTimeout; t > 0 {
		f.deadline = f.began.after(t)
	}
	c.governor.begin(f)
	if c.watcher.tracing {
		c.watcher.transactionStarted(f)
	}
}

func (c *Consumer) drive(w *worker, f *flight, action lifecycle.Action) bool {
	for {
		switch action {
		case lifecycle.Finish:
			successor := c.order.successor(f)
			c.settle(w.shard, f)
			if f = successor; f == nil {
				return true
			}
			c.begin(w, f)
		case lifecycle.Retry:
			event := c.backoff(f)
			w.now = 0
			if event != lifecycle.OK {
				action = c.step(f, event)
				continue
			}
		case lifecycle.Run:
		}
		event := c.cut(f)
		if event == lifecycle.OK && c.stats.abandoned.Load() >= c.headroom && !c.waitHeadroom(w) {
			event = lifecycle.Interrupted
		}
		if event != lifecycle.OK {
			action = c.step(f, event)
			continue
		}
		event, owned := c.attempt(w, f)
		if !owned {
			return false
		}
		action = c.step(f, event)
	}
}

// cut returns what keeps f from another attempt: a delivery that is the source's again, or the shutdown; OK for nothing.
func (c *Consumer) cut(f *flight) lifecycle.Event {
	switch {
	case f.lost.Load():
		return lifecycle.LeaseLost
	case c.interrupting.Load():
		return lifecycle.Interrupted
	default:
		return lifecycle.OK
	}
}

// attempt calls the handler of the phase that f is in; owned is false when the attempt was taken over meanwhile.
func (c *Consumer) attempt(w *worker, f *flight) (event lifecycle.Event, owned bool) {
	tx, result := *f.tx, f.result // read before f may be taken over, settled and made another's
	var failed *ergon.TransactionError
	if f.state.Phase == lifecycle.Exception {
		failed = f.failure.cause
	}
	a := c.arm(w, f)
	if event = c.cut(f); event != lifecycle.OK { // who cancels handlers either saw this attempt or is seen here
		return event, c.inTime(a, nil)
	}
	var (
		disposition ergon.Disposition
		err         error
	)
	w.calling = a
	switch a.mark.phase() {
	case lifecycle.Process:
		result, err = c.settings.Handlers.Process(a, tx)
	case lifecycle.Success:
		err = c.settings.Handlers.Success(a, tx, result)
	case lifecycle.Exception:
		disposition, err = c.settings.Handlers.Exception(a, tx, failed)
	}
	if err != nil {
		probe(err)
	}
	w.calling = nil
	if !c.inTime(a, err) {
		return 0, false
	}
	a.finish()
	return c.conclude(w, f, a, result, disposition, err), true
}

// inTime reports whether the worker still owns the attempt whose handler has returned; what it returned is late otherwise.
func (c *Consumer) inTime(a *attempt, err error) bool {
	if a.take(returned) {
		return true
	}
	c.late(a, err)
	return false
}

// probe calls the methods of a handler's error where a panic still counts as the handler's. A nil pointer that is returned
// as an error has them panic, and later on nobody would catch that.
func probe(err error) {
	_ = ergon.CategoryOf(err)
	failed := ergon.TransactionError{Err: err}
	_ = failed.IsPermanent()
	_, _ = failed.RetryDelay()
	_, _ = errors.AsType[*ergon.TransactionError](err)
	_ = err.Error()
}

// arm makes the attempt that f's state names and sets its deadline.
func (c *Consumer) arm(w *worker, f *flight) *attempt {
	a := w.newAttempt()
	phase := f.state.Phase
	a.home, a.tx, a.mark = f.home, f.tx, markOf(phase, f.state.Attempt)
	f.attempts++
	f.started = w.instant()
	a.deadline = f.started.after(c.retries[phase].Timeout)
	if phase != lifecycle.Exception && f.deadline != 0 && f.deadline <= a.deadline {
		a.deadline, a.mark = f.deadline, a.mark|markBudget
	}
	if c.watcher.tracing {
		c.watcher.attemptStarted(f, a)
	}
	w.slot.watch(f, a, w.used-1)
	return a
}

// conclude records what an attempt that its worker owns came to.
func (c *Consumer) conclude(w *worker, f *flight, a *attempt, result any, d ergon.Disposition, err error) lifecycle.Event {
	now := c.clock.now()
	w.now = now
	event := lifecycle.OK
	switch {
	case f.lost.Load():
		event = lifecycle.LeaseLost
	case now >= a.deadline:
		event = a.timeoutEvent()
		err = c.timeoutError(a, err)
	case err != nil:
		event = c.eventOf(err)
	}
	if event == lifecycle.OK {
		f.accept(a.mark.phase(), result, d)
	}
	c.attempted(w.shard, f, a, event, err, now)
	return event
}

// accept takes over what a handler returned.
func (f *flight) accept(phase lifecycle.Phase, result any, d ergon.Disposition) {
	switch phase {
	case lifecycle.Process:
		f.result = result
	case lifecycle.Exception:
		f.failure.disposition = d
	case lifecycle.Success:
	}
}

func (c *Consumer) eventOf(err error) lifecycle.Event {
	category := ergon.CategoryOf(err)
	if category == ergon.CategoryBusiness {
		return lifecycle.Business
	}
	if c.interrupting.Load() {
		return lifecycle.Interrupted
	}
	if failed := (&ergon.TransactionError{Err: err}); failed.IsPermanent() {
		return lifecycle.Permanent
	}
	if category == ergon.CategoryTimeout {
		return lifecycle.Timeout
	}
	return lifecycle.System
}

// attempted makes the end of an attempt seen.
func (c *Consumer) attempted(s *shard, f *flight, a *attempt, event lifecycle.Event, err error, now instant) {
	s.phases[a.mark.phase()].observe(now - f.started)
	if event != lifecycle.OK {
		f.failed(err)
		if event == lifecycle.Timeout || event == lifecycle.OutOfTime {
			s.timeouts.Add(1)
		}
	}
	if c.watcher.watching {
		c.watcher.attemptEnded(a, event, err, now-f.started)
	}
}

func (a *attempt) timeoutEvent() lifecycle.Event {
	if a.mark.byBudget() {
		return lifecycle.OutOfTime
	}
	return lifecycle.Timeout
}

// timeoutError names the deadline and keeps what the handler returned, if it did.
func (c *Consumer) timeoutError(a *attempt, handler error) error {
	err := fmt.Errorf("%w of %s", ergon.ErrAttemptTimeout, c.retries[a.mark.phase()].Timeout)
	if a.mark.byBudget() {
		err = fmt.Errorf("%w of %s", ergon.ErrTransactionTimeout, c.settings.Policy.Loop.TransactionTimeout)
	}
	if handler != nil {
		return fmt.Errorf("%w; the handler then returned: %w", err, handler)
	}
	return err
}

// backoff waits before the attempt that f's state names. OK means that it may start.
func (c *Consumer) backoff(f *flight) lifecycle.Event {
	d := c.delay(f)
	if f.state.Phase != lifecycle.Exception && f.deadline != 0 && c.clock.now().after(d) >= f.deadline {
		f.failed(fmt.Errorf("%w of %s leaves no room for another attempt after a backoff of %s: %w",
			ergon.ErrTransactionTimeout, c.settings.Policy.Loop.TransactionTimeout, d, f.failure.last))
		return lifecycle.OutOfTime
	}
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.stopping:
			return lifecycle.Interrupted
		}
	}
	if f.lost.Load() {
		return lifecycle.LeaseLost
	}
	c.stats.shards[0].retries.Add(1)
	return lifecycle.OK
}

func (c *Consumer) delay(f *flight) time.Duration {
	failed := ergon.TransactionError{Err: f.failure.last}
	if d, own := failed.RetryDelay(); own {
		return d
	}
	retry := c.retries[f.state.Phase]
	return retry.Jittered(retry.Delay(int(f.state.Attempt)-1), rand.Float64()) //nolint:gosec // no secret depends on it
}

// step asks the state machine what follows and, where a phase failed for good, writes down why.
func (c *Consumer) step(f *flight, event lifecycle.Event) lifecycle.Action {
	before := f.state
	var action lifecycle.Action
	f.state, action = lifecycle.Next(before, event, c.plan)
	if action == lifecycle.Retry {
		return action
	}
	defer func() { f.attempts = 0 }()
	if f.failure == nil {
		return action
	}
	switch {
	case f.state.Outcome == lifecycle.HandlerFailed:
		f.failure.handler = f.concluded(before, event)
	case f.state.Outcome == lifecycle.Failed && before.Phase == lifecycle.Exception: // its handler succeeded
	case f.state.Outcome == lifecycle.Failed, f.state.Phase == lifecycle.Exception && f.state.Outcome == lifecycle.Pending:
		f.failure.cause = f.concluded(before, event)
	}
	f.failure.first, f.failure.last = nil, nil
	return action
}

// concluded is the error of a phase that failed for good.
func (f *flight) concluded(s lifecycle.State, event lifecycle.Event) *ergon.TransactionError {
	err := &ergon.TransactionError{
		Category: categoryOf(event, f.failure.last), Phase: phaseOf(s.Phase), TransactionID: f.tx.ID(),
		Attempts: int(f.attempts), Err: f.failure.last,
	}
	if f.attempts > 1 {
		err.First = f.failure.first
	}
	if inner, ok := errors.AsType[*ergon.TransactionError](f.failure.last); ok && inner.Phase == policy.PhaseDecode {
		err.Phase, err.Err = policy.PhaseDecode, inner.Err
	}
	if p, ok := errors.AsType[*crashError](f.failure.last); ok {
		err.Stack = p.stack
	}
	return err
}

func categoryOf(event lifecycle.Event, err error) ergon.Category {
	switch event {
	case lifecycle.Business:
		return ergon.CategoryBusiness
	case lifecycle.Timeout, lifecycle.OutOfTime:
		return ergon.CategoryTimeout
	case lifecycle.OK, lifecycle.Permanent, lifecycle.System, lifecycle.Interrupted, lifecycle.LeaseLost:
	}
	return ergon.CategoryOf(err)
}

func phaseOf(p lifecycle.Phase) policy.Phase {
	return [...]policy.Phase{policy.PhaseProcess, policy.PhaseSuccess, policy.PhaseException}[p]
}
