package policy

// Phase is a step in the life of a transaction. It names the step in errors, spans, metrics and logs.
type Phase string

const (
	// PhaseFetch takes transactions from the source.
	PhaseFetch Phase = "fetch"
	// PhaseDecode turns a payload into the type that the task wants. It is part of a process attempt.
	PhaseDecode Phase = "decode"
	// PhaseProcess runs the business logic.
	PhaseProcess Phase = "process"
	// PhasePrepare prepares a transaction that is produced, which dispatches it.
	PhasePrepare Phase = "prepare"
	// PhaseSuccess runs the success handler.
	PhaseSuccess Phase = "success"
	// PhaseException runs the exception handler.
	PhaseException Phase = "exception"
	// PhaseSettle tells the source what became of its transaction.
	PhaseSettle Phase = "settle"
)
