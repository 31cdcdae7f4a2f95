package pipeline

import (
	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// run drives f, and then what its ordering key held back; false means that a flight was taken over.
func (w *worker) run(f *flight) bool {
	if f.due != 0 {
		return w.comeBack(f)
	}
	w.begin(f)
	return w.drive(f, lifecycle.Run)
}

// resume goes on with a flight of another worker: by the action that w was made with, or with the call that the other was busy with.
func (w *worker) resume(f *flight) bool {
	c := w.consumer
	action := w.action
	if w.unprepared.preparation != nil {
		event, owned := w.callHandler(f, w.unprepared.inbound)
		if !owned {
			return false
		}
		action = f.step(&c.plan, event)
	}
	return w.drive(f, action)
}

func (w *worker) begin(f *flight) {
	c := w.consumer
	w.shard.started.Add(1)
	f.began = w.instant()
	if t := c.settings.Policy.Loop.TransactionTimeout; t > 0 {
		f.deadline = f.began.After(t)
	}
	c.limiter.begin(f)
	if c.watcher.tracing {
		t := f.needAside()
		t.ctx, t.span = c.watcher.transactionStarted(f.tx, t.fetched)
	}
}

func (w *worker) drive(f *flight, action lifecycle.Action) bool {
	c := w.consumer
	for {
		switch action {
		case lifecycle.Finish:
			w.short = w.now != 0 && w.now-f.began < shortWork
			successor, complete := c.finisher.finish(w.shard, f)
			w.serve(complete, successor != nil)
			if f = successor; f == nil {
				return true
			}
			if c.outage.lasts() && c.outage.holds([]*flight{f}) {
				return true
			}
			w.begin(f)
		case lifecycle.Retry:
			event, beside := c.backoff(f)
			w.now = 0
			if beside {
				return true
			}
			if event != lifecycle.OK {
				action = f.step(&c.plan, event)
				continue
			}
		case lifecycle.Run:
		}
		event := c.cut(f)
		if event == lifecycle.OK && c.headroom.isFull() && !w.waitHeadroom() {
			event = lifecycle.Interrupted
		}
		if event != lifecycle.OK {
			action = f.step(&c.plan, event)
			continue
		}
		event, owned := w.attempt(f)
		if !owned {
			return false
		}
		action = f.step(&c.plan, event)
	}
}

// cut returns why f gets no further attempt: its lease is lost, or the loop shuts down; OK if it gets one.
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

// step asks the state machine what follows and, if a phase failed for good, keeps the reason.
func (f *flight) step(plan *lifecycle.Plan, event lifecycle.Event) lifecycle.Action {
	before := f.state
	var action lifecycle.Action
	f.state, action = lifecycle.Next(before, event, *plan)
	if action == lifecycle.Retry {
		return action
	}
	attempts := f.attempts
	f.attempts = 0
	if f.failure == nil {
		return action
	}
	switch {
	case f.state.Outcome == lifecycle.HandlerFailed:
		f.failure.handler = f.concluded(before, event, attempts)
	case f.state.Outcome == lifecycle.Failed && before.Phase == lifecycle.Exception: // its handler succeeded
	case f.state.Outcome == lifecycle.Failed, f.state.Phase == lifecycle.Exception && f.state.Outcome == lifecycle.Pending:
		f.failure.cause = f.concluded(before, event, attempts)
	}
	f.failure.first, f.failure.last = nil, nil
	return action
}

// concluded is the error of a phase that failed for good.
func (f *flight) concluded(s lifecycle.State, event lifecycle.Event, attempts int32) *ergon.TransactionError {
	err := &ergon.TransactionError{
		Category: categoryOf(event, f.failure.last), Phase: phaseOf(f.home.loop.produces, s.Phase), TransactionID: f.tx.ID(),
		Attempts: int(attempts), Err: f.failure.last,
	}
	if attempts > 1 {
		err.First = f.failure.first
	}
	if s.Phase == lifecycle.Prepare {
		ofOutbound(err)
		return err
	}
	if read := foreign.Of(f.failure.last); read == nil {
		return err
	} else if decode := read.Decode(); decode != nil {
		err.Phase, err.Err = policy.PhaseDecode, decode
	} else if crash := read.Crash(); crash != nil {
		err.Stack = crash.Stack
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
	if read := foreign.Of(err); read != nil {
		return read.Category()
	}
	return ergon.CategoryOf(err)
}

// phaseOf is the name of a phase. A producing loop prepares its transactions where others process them.
func (c *Consumer) phaseOf(p lifecycle.Phase) policy.Phase { return phaseOf(c.settings.produces, p) }

func phaseOf(produces bool, p lifecycle.Phase) policy.Phase {
	if produces && p == lifecycle.Process {
		return policy.PhasePrepare
	}
	return nameOf(p)
}

func nameOf(p lifecycle.Phase) policy.Phase {
	return [...]policy.Phase{policy.PhaseProcess, policy.PhasePrepare, policy.PhaseSuccess, policy.PhaseException}[p]
}
