package ergontest

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// Span is one recorded span: of the engine, of ergon.RunFn, or of the task itself if it takes its tracer from the provider of the
// span in its context.
type Span struct {
	Name string
	// Parent is the name of the parent span; "" if there is none, or if it is not a span of this run.
	Parent string
	Kind   trace.SpanKind
	// Context and ParentContext identify the span and its parent.
	Context, ParentContext trace.SpanContext
	// Start and End are since the beginning of the run. End is 0 if Ended is false.
	Start, End time.Duration
	Ended      bool
	// Attributes have values of the types that attribute.Value.AsInterface returns.
	Attributes map[string]any
	Links      []trace.Link
	// Status and Description are as they were set.
	Status      codes.Code
	Description string
	// Errors are the recorded errors. Events are the names of the added events.
	Errors []error
	Events []string
}

// The attributes by which attempts are found again. They are those of internal/spans, which only the engine imports.
const (
	messageID     = attribute.Key("messaging.message.id")
	deliveryCount = attribute.Key("ergon.delivery.count")
	phaseKey      = attribute.Key("ergon.phase")
	attemptKey    = attribute.Key("ergon.attempt")
	resultKey     = attribute.Key("ergon.result")
)

// attemptsOf finds the attempts of one delivery among the spans.
func attemptsOf(spans []Span, tx ergon.Transaction) []Attempt {
	whole := map[trace.SpanID]bool{}
	for _, s := range spans {
		count, _ := s.Attributes[string(deliveryCount)].(int64) // what is produced has none
		if s.Attributes[string(messageID)] == tx.ID() && count == int64(tx.Delivery().Count) {
			whole[s.Context.SpanID()] = true
		}
	}
	var attempts []Attempt
	for _, s := range spans {
		phase, is := s.Attributes[string(phaseKey)].(string)
		if !is || !whole[s.ParentContext.SpanID()] {
			continue
		}
		number, _ := s.Attributes[string(attemptKey)].(int64)
		result, _ := s.Attributes[string(resultKey)].(string)
		attempt := Attempt{Phase: policy.Phase(phase), Number: int(number), Start: s.Start, End: s.End, Result: result}
		if len(s.Errors) > 0 {
			attempt.Err = s.Errors[0]
		}
		attempts = append(attempts, attempt)
	}
	return attempts
}
