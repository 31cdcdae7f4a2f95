package pipeline

import (
	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// attempt calls the handler of the phase that f is in; owned is false if the attempt was taken over meanwhile.
func (w *worker) attempt(f *flight) (event lifecycle.Event, owned bool) {
	w.answer = answer{result: f.result} // read before f may be taken over, settled and made another's
	if f.state.Phase == lifecycle.Exception {
		w.failed = foreign.CopyAsReturned(f.failure.cause)
	}
	a := w.arm(f)
	if event = w.caller.cut(f); event != lifecycle.OK { // who cancels handlers either saw this attempt or is seen here
		return event, w.inTime(a)
	}
	return w.callHandler(f, a)
}

// callHandler calls the handler of an attempt that is armed. Until that has returned in time, f may be somebody else's.
func (w *worker) callHandler(f *flight, a *handlerAttempt) (event lifecycle.Event, owned bool) {
	w.running, w.calling = f, a
	w.call(a)
	w.calling = nil
	if !w.inTime(a) {
		return 0, false
	}
	a.Finish()
	return w.finishAttempt(f, a), true
}

// answer is what a handler returned.
type answer struct {
	result      any
	outputs     []capability.Output
	disposition ergon.Disposition
	err         error
}

// call keeps the answer in the worker, because every word on the stack counts if 100,000 handlers wait.
//
//go:noinline
func (w *worker) call(a *handlerAttempt) {
	handlers := w.caller.handlers
	switch a.mark().phase() {
	case lifecycle.Process:
		w.answer.result, w.answer.err = handlers.Process(a, *a.tx)
	case lifecycle.Prepare:
		w.answer.result, w.answer.outputs, w.answer.err = w.prepare(a, w.answer.result)
	case lifecycle.Success:
		w.answer.err = handlers.Success(a, *a.tx, w.answer.result)
	case lifecycle.Exception:
		w.answer.disposition, w.answer.err = handlers.Exception(a, *a.tx, w.failed)
	}
	w.answer.err = foreign.Read(w.answer.err)
}

// inTime reports whether the worker still owns the attempt whose handler has returned; what it returned is late otherwise.
func (w *worker) inTime(a *handlerAttempt) bool {
	if a.Return() {
		return true
	}
	w.caller.watch.late(a, w.answer.err)
	return false
}

// arm makes the attempt that f's state names and sets its deadline.
func (w *worker) arm(f *flight) *handlerAttempt {
	c := w.caller
	a := w.slot.Next()
	phase := f.state.Phase
	a.home, a.tx, a.Mark = f.home, f.tx, uint32(markOf(phase, f.state.Attempt))
	f.attempts++
	f.started = w.instant()
	a.Until = f.started.After(c.plan.retries[phase].Timeout)
	if phase != lifecycle.Exception && f.deadline != 0 && f.deadline <= a.Until {
		a.Until, a.Mark = f.deadline, a.Mark|uint32(markBudget)
	}
	if f.extras != nil && f.extras.span != nil {
		if traced, span := c.watcher.spans.attemptStarted(f.extras.ctx, f.extras.span, f.state); traced != nil {
			a.Trace(traced, span, f.extras.attemptState())
		}
	}
	w.slot.Carried.flight = f
	w.slot.Show(a.Until)
	return a
}

// finishAttempt records the result of an attempt that its worker owns.
func (w *worker) finishAttempt(f *flight, a *handlerAttempt) lifecycle.Event {
	c := w.caller
	err := w.answer.err
	now := c.clock.Now()
	w.now = now
	event := lifecycle.OK
	switch {
	case f.lost.Load():
		event = lifecycle.LeaseLost
	case now >= a.Until:
		event = a.timeoutEvent()
		err = c.plan.timeout(a, err)
	case err != nil:
		event = c.eventOf(foreign.Of(err))
	}
	if event == lifecycle.OK {
		f.accept(a.mark().phase(), w.answer)
	}
	took := now - f.started
	c.watch.attempted(w.shard, f, a, event, err, now)
	if c.watcher.watching {
		c.watcher.attemptEnded(endOf(a, w.shard, event, err, took))
	}
	return event
}

// accept keeps what a handler returned.
func (f *flight) accept(phase lifecycle.Phase, got answer) {
	switch phase {
	case lifecycle.Process:
		f.result = got.result
	case lifecycle.Prepare:
		f.result = got.result
		if len(got.outputs) > 0 {
			f.needExtras().outputs = got.outputs
		}
	case lifecycle.Exception:
		f.failure.disposition = got.disposition
	case lifecycle.Success:
	}
}

func (c *caller) eventOf(err *foreign.Error) lifecycle.Event {
	switch {
	case err.Returned() == errReleased: //nolint:errorlint // itself
		return lifecycle.Interrupted
	case err.Category() == ergon.CategoryBusiness:
		return lifecycle.Business
	case c.shutdown.interrupting.Load():
		return lifecycle.Interrupted
	case err.IsPermanent():
		return lifecycle.Permanent
	case err.Category() == ergon.CategoryTimeout:
		return lifecycle.Timeout
	default:
		return lifecycle.System
	}
}

func (a *handlerAttempt) timeoutEvent() lifecycle.Event {
	if a.mark().byBudget() {
		return lifecycle.OutOfTime
	}
	return lifecycle.Timeout
}

// cut returns why f gets no further attempt: its lease is lost, or the loop shuts down; OK if it gets one.
func (c *caller) cut(f *flight) lifecycle.Event {
	switch {
	case f.lost.Load():
		return lifecycle.LeaseLost
	case c.shutdown.interrupting.Load():
		return lifecycle.Interrupted
	default:
		return lifecycle.OK
	}
}
