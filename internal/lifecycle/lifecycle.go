// Package lifecycle is the state machine of one transaction: a pure function from a state and what happened to the next
// state and what to do. It has no clock and does no I/O, so every row of its table (docs/lifecycle.md) can be tested, and
// the pipeline cannot differ from it.
package lifecycle

// Phase is where a transaction is between fetch and settle.
type Phase uint8

// The phases that have attempts.
const (
	Process Phase = iota
	// Prepare is that of a hybrid task's outbound transactions, all of them together: each has attempts of its own in it.
	Prepare
	Success
	Exception
)

// Phases is how many there are.
const Phases = int(Exception) + 1

// Event is what became of an attempt, or of the wait before one.
type Event uint8

const (
	// OK is an attempt that returned no error.
	OK Event = iota
	// Business is a rule's refusal.
	Business
	// Permanent is a failure of another category that asks not to be retried.
	Permanent
	// System is any other failure: an error, a panic, a Goexit.
	System
	// Timeout is an attempt that reached its own deadline.
	Timeout
	// OutOfTime is the transaction's deadline, reached in an attempt or in the wait for one. The exception phase is not
	// subject to it.
	OutOfTime
	// Interrupted is a transaction cut short by shutdown.
	Interrupted
	// LeaseLost is a delivery that the source has taken back.
	LeaseLost
)

// Action is what to do next.
type Action uint8

const (
	// Run starts the attempt that the state names at once.
	Run Action = iota
	// Retry starts it after the phase's backoff.
	Retry
	// Finish settles the transaction as the state's outcome says.
	Finish
)

// Outcome is how a lifecycle ended.
type Outcome uint8

const (
	// Pending is a lifecycle that has not ended.
	Pending Outcome = iota
	// Succeeded is acknowledged.
	Succeeded
	// Failed is settled by the exception handler's disposition, or the policy's.
	Failed
	// HandlerFailed is an exception handler that failed permanently: dead-lettered.
	HandlerFailed
	// Released was interrupted and goes back to the source as if it had never been fetched.
	Released
	// Redelivered belongs to the source again; nothing is settled.
	Redelivered
)

// Plan is the part of a policy and a task that the state machine depends on.
type Plan struct {
	// Attempts is the most attempts of each phase, by Phase.
	Attempts [Phases]int
	// HasPrepare, HasSuccess and HasException say whether the task has the handler; a phase without one is passed over.
	HasPrepare, HasSuccess, HasException bool
}

// State is where one transaction is.
type State struct {
	// Phase and Attempt (counted from 1) name the attempt that runs or is waited for.
	Phase   Phase
	Attempt int32
	// FailedPhase is the phase that sent the transaction into the exception phase.
	FailedPhase Phase
	// Outcome is Pending until the lifecycle has ended.
	Outcome Outcome
}

// Start is the first attempt to process.
func Start() State { return State{Phase: Process, Attempt: 1} }

// Next says what follows when e happened in state s. A state with an outcome stays as it is.
func Next(s State, e Event, p Plan) (State, Action) {
	if s.Outcome != Pending {
		return s, Finish
	}
	switch e {
	case OK:
		return succeed(s, p)
	case Interrupted:
		return finish(s, Released)
	case LeaseLost:
		return finish(s, Redelivered)
	case System, Timeout:
		if int(s.Attempt) < p.Attempts[s.Phase] {
			s.Attempt++
			return s, Retry
		}
	case Business, Permanent, OutOfTime:
	}
	return fail(s, p)
}

func succeed(s State, p Plan) (State, Action) {
	switch {
	case s.Phase == Process && p.HasPrepare:
		s.Phase, s.Attempt = Prepare, 1
		return s, Run
	case s.Phase < Success && p.HasSuccess:
		s.Phase, s.Attempt = Success, 1
		return s, Run
	case s.Phase == Exception:
		return finish(s, Failed)
	default:
		return finish(s, Succeeded)
	}
}

func fail(s State, p Plan) (State, Action) {
	if s.Phase == Exception {
		return finish(s, HandlerFailed)
	}
	s.FailedPhase = s.Phase
	if !p.HasException {
		return finish(s, Failed)
	}
	s.Phase, s.Attempt = Exception, 1
	return s, Run
}

func finish(s State, o Outcome) (State, Action) {
	s.Outcome = o
	return s, Finish
}
