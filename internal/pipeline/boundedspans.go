package pipeline

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/internal/spans"
)

// maxStarting is the longest that the loop waits for a span to start. After that the operation has no span, and neither has any other
// until that start has returned.
const maxStarting = time.Second

// maxStarts is the number of starts that may wait for one another: of fetch, settlement, dead letters and leases.
const maxStarts = 16

// spanStarter starts the spans of what the loop does itself. Samplers and span processors are foreign code, so one goroutine calls them,
// and the loop waits for it no longer than maxStarting [F1]. Decision 0103.
type spanStarter struct {
	queue   *sink.Queue[*spanStart]
	end     func(trace.Span) // leaves a span to its processors
	hanging atomic.Bool      // [F1] a start was given up and has not returned
}

// spanStart is one start. Whoever claims it decides about the span: the caller gets it, or has gone on without.
type spanStart struct {
	starter *spanStarter
	tracer  trace.Tracer
	ctx     context.Context //nolint:containedctx // lives as long as the call
	name    string
	options []trace.SpanStartOption
	claimed atomic.Bool  // [F1] by the caller when its time is over, or by the goroutine with the span
	started chan started // of capacity 1
}

// started is the result of a start; without a span if the start ended its goroutine.
type started struct {
	ctx  context.Context //nolint:containedctx // as the tracer returned it
	span trace.Span
}

func newSpanStarter(end func(trace.Span)) *spanStarter {
	return &spanStarter{queue: sink.NewQueue(maxStarts, (*spanStart).make), end: end}
}

// start returns a span. If it could not be started in time, the span does not record.
func (s *spanStarter) start(
	ctx context.Context, tracer trace.Tracer, name string, options ...trace.SpanStartOption,
) (context.Context, trace.Span) {
	none := trace.SpanFromContext(context.Background())
	if s.hanging.Load() {
		return trace.ContextWithSpan(ctx, none), none
	}
	start := &spanStart{starter: s, tracer: tracer, ctx: ctx, name: name, options: options, started: make(chan started, 1)}
	if !s.queue.Put(start) {
		return trace.ContextWithSpan(ctx, none), none
	}
	timer := time.NewTimer(maxStarting)
	defer timer.Stop()
	select {
	case got := <-start.started:
		return got.ctx, got.span
	case <-timer.C:
		if !start.claimed.CompareAndSwap(false, true) {
			got := <-start.started
			return got.ctx, got.span
		}
		s.hanging.Store(true)
		return trace.ContextWithSpan(ctx, none), none
	}
}

// make runs on the starter's goroutine.
func (b *spanStart) make() {
	if b.claimed.Load() {
		return // the caller gave up while it waited for another start
	}
	none := trace.SpanFromContext(context.Background())
	got := started{ctx: trace.ContextWithSpan(b.ctx, none), span: none}
	defer func() { // also if a processor ends the goroutine
		if b.claimed.CompareAndSwap(false, true) {
			b.started <- got
			return
		}
		b.starter.hanging.Store(false)
		b.starter.end(got.span)
	}()
	got.ctx, got.span = spans.Start(b.ctx, b.tracer, b.name, b.options...)
}

// boundedSpan is the span of an operation. Those below it, of its attempts, are started by the starter as well, and end by the queue.
type boundedSpan struct {
	trace.Span

	starter *spanStarter
}

// End leaves the span to its processors, for which nobody waits.
func (s boundedSpan) End(...trace.SpanEndOption) { s.starter.end(s.Span) }

// TracerProvider makes tracers whose spans are bounded too.
func (s boundedSpan) TracerProvider() trace.TracerProvider {
	return boundedTracers{of: s.Span.TracerProvider(), starter: s.starter}
}

type boundedTracers struct {
	tracenoop.TracerProvider

	of      trace.TracerProvider
	starter *spanStarter
}

func (t boundedTracers) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return boundedTracer{of: t.of.Tracer(name, options...), starter: t.starter}
}

type boundedTracer struct {
	tracenoop.Tracer

	of      trace.Tracer
	starter *spanStarter
}

// Start starts a span. One that does not record needs no bound.
func (t boundedTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	ctx, span := t.starter.start(ctx, t.of, name, options...)
	if !span.IsRecording() {
		return ctx, span
	}
	span = boundedSpan{Span: span, starter: t.starter}
	return trace.ContextWithSpan(ctx, span), span
}
