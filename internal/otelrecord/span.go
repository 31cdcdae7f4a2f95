package otelrecord

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Span is a span that has ended.
type Span struct {
	Name                string
	SpanContext, Parent trace.SpanContext
	SpanKind            trace.SpanKind
	StartTime, EndTime  time.Time
	// Attributes have each key once, with its last value.
	Attributes []attribute.KeyValue
	Events     []Event
	Links      []trace.Link
	Status     Status
}

// Event is an event of a span. An error is an event called exception.
type Event struct {
	Name       string
	Attributes []attribute.KeyValue
	Time       time.Time
}

// Status is the status of a span. Its description is empty unless the code is an error.
type Status struct {
	Code        codes.Code
	Description string
}

// Attribute returns the value of an attribute as text; "" if the span does not have it.
func (s Span) Attribute(key attribute.Key) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

func (s *Span) set(attributes []attribute.KeyValue) {
	for _, a := range attributes {
		if i := indexOf(s.Attributes, a.Key); i >= 0 {
			s.Attributes[i] = a
		} else {
			s.Attributes = append(s.Attributes, a)
		}
	}
}

func indexOf(attributes []attribute.KeyValue, key attribute.Key) int {
	for i, a := range attributes {
		if a.Key == key {
			return i
		}
	}
	return -1
}
