package pipeline_test

import (
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// action is what a handler does in one attempt.
type action uint8

const (
	returnsOK action = iota
	returnsBusiness
	returnsPermanent
	returnsSystem
	returnsDelayed // with a delay of the error's own
	panics
	exits
	ignoresContext // until the test ends
	respectsContext
	beginsShutdown     // and heeds its context
	losesLease         // and heeds its context
	losesLeaseIgnoring // and ignores its context
	actions
)

// act is a action, done after the handler took that long. What waits for its context takes no notice of it.
type act struct {
	action action
	took   time.Duration
}

// The times of all scenarios. None are multiples of others, so that no two things happen at the same moment unless one
// follows from the other.
const (
	actUnit            = 60 * time.Millisecond // up to 15 of them, always shorter than a timeout
	ownDelay           = 777 * time.Millisecond
	longOwnDelay       = 1777 * time.Millisecond
	transactionTimeout = 3500*time.Millisecond + 500*time.Microsecond
	extensionInterval  = time.Second + 7*time.Microsecond
	leaseDuration      = 4 * extensionInterval
)

// scenario is what the engine is given: a policy, and what the handlers of each transaction do, attempt by attempt. When
// the acts are used up, they return no error.
type scenario struct {
	plan        lifecycle.Plan
	execution   policy.Execution
	parallel    bool // otherwise one after the other
	bounded     bool // by a transaction timeout
	onException policy.OnException
	disposition ergon.Disposition
	prefetch    int
	acts        [][]act // by transaction
}

// ownDelay is what an error asks for by itself. Where all have a slot it is long enough to be waited for without one.
func (s scenario) ownDelay() time.Duration {
	if s.parallel {
		return longOwnDelay
	}
	return ownDelay
}

func (s scenario) policy() policy.Consumer {
	p := exactPolicy()
	retry := func(attempts int, timeout, backoff time.Duration) policy.Step {
		return policy.Step{Retry: policy.Retry{
			MaxAttempts: attempts, Timeout: timeout, Backoff: backoff, BackoffMultiplier: 3, BackoffCap: 5 * backoff,
		}}
	}
	p.Process = retry(s.plan.Attempts[lifecycle.Process], 1000*time.Millisecond, 110*time.Millisecond)
	p.Success = retry(s.plan.Attempts[lifecycle.Success], 1300*time.Millisecond, 170*time.Millisecond)
	p.Exception = retry(s.plan.Attempts[lifecycle.Exception], 1100*time.Millisecond, 0)
	p.Loop.TransactionTimeout = 0
	if s.bounded {
		p.Loop.TransactionTimeout = transactionTimeout
	}
	p.Loop.Execution, p.Loop.OnException = s.execution, s.onException
	p.Loop.Concurrency = policy.Concurrency{Value: 1, Headroom: 1000}
	if s.parallel {
		p.Loop.Concurrency.Value = len(s.acts)
	}
	p.Loop.Batch.Prefetch = s.prefetch
	p.Settle.RequeueDelay = 42 * time.Second
	return p
}

// prediction is what the model says becomes of a transaction.
type prediction struct {
	calls       []string // of handlers, each with its time
	outcome     pipeline.Outcome
	settlement  string
	givenUp     int  // attempts that return too late
	interrupted bool // and with it the loop
}

// predict plays the lifecycle of one transaction that begins at a time. It returns when it ends.
func (s scenario) predict(acts []act, begin time.Duration) (prediction, time.Duration) {
	m := &model{scenario: s, policy: s.policy(), acts: acts, now: begin, began: begin, state: lifecycle.Start()}
	for action := lifecycle.Run; action != lifecycle.Finish; {
		event := lifecycle.OK
		if action == lifecycle.Retry {
			event = m.backoff()
		}
		if event == lifecycle.OK {
			event = m.cut()
		}
		if event == lifecycle.OK {
			event = m.attempt()
		}
		action = m.next(event)
	}
	m.settle()
	return m.prediction, m.now
}

// model is one transaction in the model.
type model struct {
	scenario
	prediction

	policy     policy.Consumer
	acts       []act
	now, began time.Duration
	lostAt     time.Duration // 0: not lost
	state      lifecycle.State
	attempts   int           // in the phase
	own        time.Duration // the delay that the last error asked for; 0 for none
	failure    string        // what the exception handler is told
}

func (m *model) retry() policy.Retry {
	return [...]policy.Step{m.policy.Process, {}, m.policy.Success, m.policy.Exception}[m.state.Phase].Retry
}

// deadline returns when the attempt that begins now is given up, and whether that is the transaction's.
func (m *model) deadline() (time.Duration, bool) {
	attempt, transaction := m.now+m.retry().Timeout, m.began+transactionTimeout
	if m.bounded && m.state.Phase != lifecycle.Exception && transaction <= attempt {
		return transaction, true
	}
	return attempt, false
}

func (m *model) lost(at time.Duration) bool { return m.lostAt > 0 && at >= m.lostAt }

func (m *model) backoff() lifecycle.Event {
	d := m.retry().Delay(int(m.state.Attempt) - 1)
	if m.own > 0 {
		d = m.own
	}
	if m.bounded && m.state.Phase != lifecycle.Exception && m.now+d >= m.began+transactionTimeout {
		return lifecycle.OutOfTime
	}
	m.now += d
	return lifecycle.OK
}

func (m *model) cut() lifecycle.Event {
	if m.lost(m.now) {
		return lifecycle.LeaseLost
	}
	return lifecycle.OK
}

func (m *model) attempt() lifecycle.Event {
	call := fmt.Sprintf("%v %v %d", m.now, m.state.Phase, m.state.Attempt)
	if m.state.Phase == lifecycle.Exception {
		call += " of " + m.failure
	}
	m.calls = append(m.calls, call)
	m.attempts++
	m.own = 0
	var do act
	if len(m.acts) > 0 {
		do, m.acts = m.acts[0], m.acts[1:]
	}
	deadline, ofTransaction := m.deadline()
	if at := m.returns(do, deadline); at < deadline {
		m.now = at
		return m.event(do)
	}
	m.now = deadline
	m.givenUp++
	switch {
	case m.lost(deadline):
		return lifecycle.LeaseLost
	case ofTransaction:
		return lifecycle.OutOfTime
	default:
		return lifecycle.Timeout
	}
}

// returns is when a handler returns; the deadline where it does not return before.
func (m *model) returns(do act, deadline time.Duration) time.Duration {
	switch do.action {
	case ignoresContext:
		return deadline
	case beginsShutdown:
		m.interrupted = true
		return m.now
	case losesLease, losesLeaseIgnoring:
		if m.lostAt == 0 {
			m.lostAt = m.now - m.now%extensionInterval + extensionInterval
		}
		if do.action == losesLeaseIgnoring {
			return deadline
		}
		return m.lostAt
	case respectsContext:
		if m.lostAt > 0 {
			return m.lostAt
		}
		return deadline
	default:
		return m.now + do.took
	}
}

// event is what an act in time comes to.
func (m *model) event(do act) lifecycle.Event {
	switch {
	case m.lost(m.now):
		return lifecycle.LeaseLost
	case do.action == returnsOK:
		return lifecycle.OK
	case do.action == returnsBusiness:
		return lifecycle.Business
	case do.action == returnsPermanent:
		return lifecycle.Permanent
	case do.action == beginsShutdown:
		return lifecycle.Interrupted
	case do.action == returnsDelayed:
		m.own = m.ownDelay()
	}
	return lifecycle.System
}

// next asks the state machine, which is what the engine is compared with.
func (m *model) next(event lifecycle.Event) lifecycle.Action {
	before := m.state.Phase
	var action lifecycle.Action
	m.state, action = lifecycle.Next(m.state, event, m.plan)
	if action == lifecycle.Run && m.state.Phase == lifecycle.Exception {
		category := map[lifecycle.Event]ergon.Category{
			lifecycle.Business: ergon.CategoryBusiness, lifecycle.Timeout: ergon.CategoryTimeout, lifecycle.OutOfTime: ergon.CategoryTimeout,
		}[event]
		m.failure = fmt.Sprintf("%v %v %d", before, category, m.attempts)
	}
	if m.state.Phase != before {
		m.attempts = 0
	}
	return action
}

// settle says what becomes of the delivery.
func (m *model) settle() {
	switch m.state.Outcome {
	case lifecycle.Succeeded:
		m.outcome, m.settlement = pipeline.Succeeded, "ack"
	case lifecycle.HandlerFailed:
		m.outcome, m.settlement = pipeline.HandlerFailed, "reject"
	case lifecycle.Released:
		m.outcome, m.settlement = pipeline.Interrupted, "requeue interrupted"
	case lifecycle.Redelivered:
		m.outcome, m.settlement = pipeline.Redelivered, ""
	case lifecycle.Failed, lifecycle.Pending:
		m.settleFailed()
	}
}

func (m *model) settleFailed() {
	disposition := m.disposition.String()
	if disposition == "" || m.state.Phase != lifecycle.Exception {
		disposition = string(m.onException)
	}
	switch disposition {
	case "discard":
		m.outcome, m.settlement = pipeline.Discarded, "ack"
	case "dead_letter":
		m.outcome, m.settlement = pipeline.DeadLettered, "reject"
	default:
		m.outcome, m.settlement = pipeline.Requeued, "requeue after 42s"
	}
}
