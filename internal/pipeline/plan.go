package pipeline

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// plan is the part of the policies by which a transaction goes through its phases: which there are, how often each is attempted, and how
// much time an attempt and the transaction have. It never changes.
type plan struct {
	phases   lifecycle.Plan
	retries  [lifecycle.Phases]policy.Retry // by lifecycle.Phase
	total    time.Duration                  // for the transaction before its exception phase; 0: no limit
	longest  time.Duration                  // from fetch to the end of the last attempt, as far as the source lets it be held; 0: no limit
	produces bool                           // the loop prepares its transactions instead of processing them
}

func newPlan(s Settings, maxHold time.Duration) *plan {
	longest := longestWork(maxHold)
	total := s.Policy.Loop.TransactionTimeout
	if longest > 0 && (total == 0 || total > longest) {
		total = longest
	}
	process, success, exception := s.Policy.Process.Retry, s.Policy.Success.Retry, s.Policy.Exception.Retry
	return &plan{
		phases: lifecycle.Plan{
			Attempts:   [lifecycle.Phases]int{process.MaxAttempts, 1, success.MaxAttempts, exception.MaxAttempts},
			HasPrepare: s.Handlers.Prepare != nil, HasSuccess: s.Handlers.Success != nil, HasException: s.Handlers.Exception != nil,
		},
		retries: [lifecycle.Phases]policy.Retry{process, unbounded(), success, exception},
		total:   total, longest: longest, produces: s.produces,
	}
}

// longestWork is what is left of the longest hold for attempts: a tenth is kept for settlement. 0: no limit.
func longestWork(maxHold time.Duration) time.Duration { return maxHold - maxHold/10 }

// within is d, or less if the source does not let a delivery be held for so long.
func (p *plan) within(d time.Duration) time.Duration {
	if p.longest > 0 {
		return min(d, p.longest)
	}
	return d
}

// step moves f on by the event of its last attempt. If a phase has failed permanently, f keeps the reason.
func (p *plan) step(f *flight, event lifecycle.Event) lifecycle.Action {
	before := f.state
	var action lifecycle.Action
	f.state, action = lifecycle.Next(before, event, p.phases)
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

// backoff is the delay before the attempt that f's state names: the one that the last error asks for, or else the policy's.
func (p *plan) backoff(f *flight) time.Duration {
	if read := foreign.Of(f.failure.last); read != nil {
		if after, delayed := read.RetryDelay(); delayed {
			return after
		}
	}
	retry := p.retries[f.state.Phase]
	return retry.Jittered(retry.Delay(int(f.state.Attempt)-1), rand.Float64())
}

// timeout names the deadline that an attempt has missed, and wraps the error that the handler returned, if any.
func (p *plan) timeout(a *handlerAttempt, handler error) error {
	err := fmt.Errorf("%w of %s", ergon.ErrAttemptTimeout, p.retries[a.mark().phase()].Timeout)
	if a.mark().byBudget() {
		err = fmt.Errorf("%w of %s", ergon.ErrTransactionTimeout, p.total)
	}
	if handler != nil {
		return fmt.Errorf("%w; the handler then returned: %w", err, handler)
	}
	return err
}

// concluded is the error of a phase that failed permanently.
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
func phaseOf(produces bool, p lifecycle.Phase) policy.Phase {
	if produces && p == lifecycle.Process {
		return policy.PhasePrepare
	}
	return nameOf(p)
}

func nameOf(p lifecycle.Phase) policy.Phase {
	return [...]policy.Phase{policy.PhaseProcess, policy.PhasePrepare, policy.PhaseSuccess, policy.PhaseException}[p]
}
