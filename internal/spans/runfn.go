package spans

import "go.opentelemetry.io/otel/attribute"

// RunFn is the span of one ergon.RunFn that was given no name. Its attempts are "<name> attempt <n>".
const RunFn = "run_fn"

const (
	// Attempts is how many attempts were made, on the span of the whole.
	Attempts = attribute.Key("ergon.attempts")
	// Backoff is the delay after the first attempt.
	Backoff = attribute.Key("ergon.policy.backoff_ms")
	// ExceptionStack is the stack of a panic, on the event that records it.
	ExceptionStack = attribute.Key("exception.stacktrace")
)
