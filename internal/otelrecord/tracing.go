package otelrecord

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
)

// Tracing is a provider of tracers that records spans.
type Tracing struct {
	embedded.TracerProvider

	// OnStart, if set, is called on the goroutine that starts a span, before the span is made. It may hang or panic, as a sampler
	// or span processor may. Set it before the first span.
	OnStart func(name string)

	mu      sync.Mutex
	started uint64
	ended   []Span
}

// Ended returns the spans that have ended, in the order of their ends.
func (t *Tracing) Ended() []Span {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.ended)
}

// Tracer returns a tracer. Its name is not recorded.
func (t *Tracing) Tracer(string, ...trace.TracerOption) trace.Tracer { return tracer{tracing: t} }

type tracer struct {
	embedded.Tracer

	tracing *Tracing
}

// Start starts a span.
func (t tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if t.tracing.OnStart != nil {
		t.tracing.OnStart(name)
	}
	config := trace.NewSpanStartConfig(options...)
	parent := trace.SpanContextFromContext(ctx)
	if config.NewRoot() {
		parent = trace.SpanContext{}
	}
	s := &recording{
		tracing: t.tracing, recorded: !parent.IsValid() || parent.IsSampled(),
		span: Span{
			Name: name, SpanContext: t.tracing.identity(parent), Parent: parent, SpanKind: trace.ValidateSpanKind(config.SpanKind()),
			StartTime: config.Timestamp(), Links: slices.Clone(config.Links()),
		},
	}
	if s.span.StartTime.IsZero() {
		s.span.StartTime = time.Now()
	}
	s.span.set(config.Attributes())
	return trace.ContextWithSpan(ctx, s), s
}

// identity numbers the spans, so that two runs have the same ids.
func (t *Tracing) identity(parent trace.SpanContext) trace.SpanContext {
	t.mu.Lock()
	t.started++
	number := t.started
	t.mu.Unlock()
	c := trace.SpanContextConfig{TraceFlags: trace.FlagsSampled}
	binary.BigEndian.PutUint64(c.SpanID[:], number)
	binary.BigEndian.PutUint64(c.TraceID[8:], number)
	if parent.IsValid() {
		c.TraceID, c.TraceState, c.TraceFlags = parent.TraceID(), parent.TraceState(), parent.TraceFlags()
	}
	return trace.NewSpanContext(c)
}

// recording is a span until it ends; changes after that are ignored.
type recording struct {
	embedded.Span

	tracing  *Tracing
	recorded bool

	mu   sync.Mutex
	over bool
	span Span
}

func (s *recording) change(change func(*Span)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		change(&s.span)
	}
}

func (s *recording) End(options ...trace.SpanEndOption) {
	config := trace.NewSpanEndConfig(options...)
	s.change(func(span *Span) {
		s.over = true
		if span.EndTime = config.Timestamp(); span.EndTime.IsZero() {
			span.EndTime = time.Now()
		}
		if s.recorded {
			s.tracing.mu.Lock()
			defer s.tracing.mu.Unlock()
			s.tracing.ended = append(s.tracing.ended, *span)
		}
	})
}

func (s *recording) AddEvent(name string, options ...trace.EventOption) {
	config := trace.NewEventConfig(options...)
	s.change(func(span *Span) {
		span.Events = append(span.Events, Event{Name: name, Attributes: config.Attributes(), Time: config.Timestamp()})
	})
}

// RecordError adds an event by the conventions for exceptions.
func (s *recording) RecordError(err error, options ...trace.EventOption) {
	if err != nil {
		s.AddEvent("exception", append(slices.Clip(options), trace.WithAttributes(
			attribute.String("exception.type", fmt.Sprintf("%T", err)), attribute.String("exception.message", err.Error()),
		))...)
	}
}

// SetStatus sets a status, unless the span has one that the specification ranks higher: ok over error over unset.
func (s *recording) SetStatus(code codes.Code, description string) {
	if code != codes.Error {
		description = ""
	}
	s.change(func(span *Span) {
		if span.Status.Code <= code {
			span.Status = Status{Code: code, Description: description}
		}
	})
}

func (s *recording) IsRecording() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recorded && !s.over
}

func (s *recording) AddLink(link trace.Link) {
	s.change(func(span *Span) { span.Links = append(span.Links, link) })
}

func (s *recording) SetName(name string) { s.change(func(span *Span) { span.Name = name }) }

func (s *recording) SetAttributes(attributes ...attribute.KeyValue) {
	s.change(func(span *Span) { span.set(attributes) })
}

func (s *recording) SpanContext() trace.SpanContext { return s.span.SpanContext }

func (s *recording) TracerProvider() trace.TracerProvider { return s.tracing }
