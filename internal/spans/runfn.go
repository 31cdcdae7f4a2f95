package spans

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// RunFn is the span of one ergon.RunFn that was given no name. Its attempts are "<name> attempt <n>".
const RunFn = "run_fn"

// ExceptionEvent is the event by which a span tells of an error.
const ExceptionEvent = "exception"

const (
	// Attempts is how many attempts were made, on the span of the whole.
	Attempts = attribute.Key("ergon.attempts")
	// Backoff is the delay after the first attempt.
	Backoff = attribute.Key("ergon.policy.backoff_ms")
	// ExceptionStack is the stack of a panic, on the event that records it.
	ExceptionStack = attribute.Key("exception.stacktrace")
	// ExceptionType is that of the error.
	ExceptionType = attribute.Key("exception.type")
	// ExceptionMessage is its text.
	ExceptionMessage = attribute.Key("exception.message")
)

type runKey struct{}

// AsRun marks the span in ctx as the one that encloses the next RunFn, which then makes spans for its attempts only.
func AsRun(ctx context.Context) context.Context {
	return context.WithValue(ctx, runKey{}, trace.SpanContextFromContext(ctx))
}

// IsRun reports whether span, the one in ctx, was marked by AsRun. Spans are compared by what they say: their types are not ours,
// and may not be comparable.
func IsRun(ctx context.Context, span trace.Span) bool {
	marked, ok := ctx.Value(runKey{}).(trace.SpanContext)
	return ok && marked.Equal(span.SpanContext())
}
