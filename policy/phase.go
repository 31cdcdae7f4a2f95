package policy

// Phase is a step in the life of a transaction. It names the step in errors, spans, metrics and logs.
type Phase string

const (
	// PhaseFetch takes transactions from the source.
	PhaseFetch Phase = "fetch"
	// PhaseDecode decodes a payload into the type of the task. It is part of a process attempt.
	PhaseDecode Phase = "decode"
	// PhaseProcess runs the business logic.
	PhaseProcess Phase = "process"
	// PhasePrepare prepares a transaction that is produced, which dispatches it.
	PhasePrepare Phase = "prepare"
	// PhaseSuccess runs the success handler.
	PhaseSuccess Phase = "success"
	// PhaseException runs the exception handler.
	PhaseException Phase = "exception"
	// PhaseSettle settles the transaction with its source.
	PhaseSettle Phase = "settle"
)
