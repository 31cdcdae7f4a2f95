package pipeline

import (
	"context"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/observe"
)

// flightExtras is what only some loops need of a flight. It has the flight's owner.
type flightExtras struct {
	permit  adaptivelimiter.Permit // if the concurrency adapts
	ctx     context.Context        //nolint:containedctx // carries the transaction's span to its attempts
	span    trace.Span             // of the transaction; nil: nothing traces it
	fetched *trace.SpanContext     // of the fetch that brought it, if it is linked to that
	outputs []capability.Output    // what becomes durable together with its acknowledgement
	states  []attempt.State        // unused memory for traced attempts

	attempts []observe.Attempt // that are recorded
	omitted  int               // how many earlier ones are not kept any more
}

func (f *flight) needExtras() *flightExtras {
	if f.extras == nil {
		f.extras = &flightExtras{}
	}
	return f.extras
}

// tracedAttempts is the number of attempts of a transaction without a failure: of process and of success.
const tracedAttempts = 2

// traced returns the extras of a flight with the span of its transaction and what carries it. A span that says nothing, as that of a
// no-op tracer, needs no extras. New ones have the memory of the first attempts in the same allocation.
func (e *flightExtras) traced(ctx context.Context, span trace.Span) *flightExtras {
	switch {
	case !span.IsRecording() && !span.SpanContext().IsValid():
		return e
	case e == nil:
		made := &struct {
			flightExtras

			states [tracedAttempts]attempt.State
		}{}
		made.flightExtras.states = made.states[:]
		e = &made.flightExtras
	}
	e.ctx, e.span = ctx, span
	return e
}

// fetchedBy is the span of the fetch that brought the transaction, if it is linked to that.
func (e *flightExtras) fetchedBy() trace.SpanContext {
	if e == nil || e.fetched == nil {
		return trace.SpanContext{}
	}
	return *e.fetched
}

// attemptState returns memory for one traced attempt.
func (e *flightExtras) attemptState() *attempt.State {
	if len(e.states) == 0 {
		return &attempt.State{}
	}
	s := &e.states[0]
	e.states = e.states[1:]
	return s
}
