package ergontest

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
)

// recorder is a provider of tracers that keeps every span. One mutex guards all of it.
type recorder struct {
	embedded.TracerProvider

	begin time.Time

	mu    sync.Mutex
	spans []*recording
}

var _ trace.TracerProvider = (*recorder)(nil)

func (r *recorder) Tracer(string, ...trace.TracerOption) trace.Tracer { return &tracer{recorder: r} }

// all returns copies of the spans, in the order of their starts.
func (r *recorder) all() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := map[trace.SpanID]string{}
	for _, s := range r.spans {
		names[s.span.Context.SpanID()] = s.span.Name
	}
	all := make([]Span, len(r.spans))
	for i, s := range r.spans {
		all[i] = s.span
		all[i].Parent = names[s.span.ParentContext.SpanID()]
		all[i].Attributes = maps.Clone(s.span.Attributes)
		all[i].Links, all[i].Errors = slices.Clone(s.span.Links), slices.Clone(s.span.Errors)
		all[i].Events = slices.Clone(s.span.Events)
	}
	return all
}

// since is a moment, now where it is not given.
func (r *recorder) since(at time.Time) time.Duration {
	if at.IsZero() {
		at = time.Now()
	}
	return at.Sub(r.begin)
}

type tracer struct {
	embedded.Tracer

	recorder *recorder
}

var _ trace.Tracer = (*tracer)(nil)

func (t *tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	config := trace.NewSpanStartConfig(options...)
	parent := trace.SpanContextFromContext(ctx)
	if config.NewRoot() {
		parent = trace.SpanContext{}
	}
	r := t.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &recording{recorder: r, span: Span{
		Name: name, Kind: config.SpanKind(), Context: identity(len(r.spans)+1, parent), ParentContext: parent,
		Start: r.since(config.Timestamp()), Attributes: map[string]any{}, Links: slices.Clone(config.Links()),
	}}
	s.set(config.Attributes())
	r.spans = append(r.spans, s)
	return trace.ContextWithSpan(ctx, s), s
}

// identity numbers spans, so that two runs have the same.
func identity(number int, parent trace.SpanContext) trace.SpanContext {
	var span trace.SpanID
	binary.BigEndian.PutUint64(span[:], uint64(number))
	in := parent.TraceID()
	if !in.IsValid() {
		binary.BigEndian.PutUint64(in[8:], uint64(number))
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: in, SpanID: span, TraceFlags: trace.FlagsSampled})
}

// recording is a span that is being recorded. What comes after its end is not.
type recording struct {
	embedded.Span

	recorder *recorder
	span     Span
}

var _ trace.Span = (*recording)(nil)

// change makes a change, unless the span has ended.
func (s *recording) change(change func()) {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	if !s.span.Ended {
		change()
	}
}

func (s *recording) End(options ...trace.SpanEndOption) {
	config := trace.NewSpanEndConfig(options...)
	s.change(func() { s.span.End, s.span.Ended = s.recorder.since(config.Timestamp()), true })
}

func (s *recording) AddEvent(name string, _ ...trace.EventOption) {
	s.change(func() { s.span.Events = append(s.span.Events, name) })
}

func (s *recording) AddLink(link trace.Link) {
	s.change(func() { s.span.Links = append(s.span.Links, link) })
}

func (s *recording) IsRecording() bool {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	return !s.span.Ended
}

func (s *recording) RecordError(err error, _ ...trace.EventOption) {
	if err != nil {
		s.change(func() { s.span.Errors = append(s.span.Errors, err) })
	}
}

func (s *recording) SpanContext() trace.SpanContext { return s.span.Context }

func (s *recording) SetStatus(code codes.Code, description string) {
	s.change(func() { s.span.Status, s.span.Description = code, description })
}

func (s *recording) SetName(name string) { s.change(func() { s.span.Name = name }) }

func (s *recording) SetAttributes(attributes ...attribute.KeyValue) {
	s.change(func() { s.set(attributes) })
}

func (s *recording) set(attributes []attribute.KeyValue) {
	for _, a := range attributes {
		s.span.Attributes[string(a.Key)] = a.Value.AsInterface()
	}
}

func (s *recording) TracerProvider() trace.TracerProvider { return s.recorder }
