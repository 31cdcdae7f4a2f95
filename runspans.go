package ergon

import (
	"context"
	"strconv"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// runSpans are the spans of one RunFn. The zero value makes none; it is for a caller whose span does not record.
type runSpans struct {
	name   string
	tracer trace.Tracer
	run    trace.Span
}

// attemptSpan is the span of one attempt; the zero value is none.
type attemptSpan struct{ span trace.Span }

func startRunSpans(ctx context.Context, name string, retry policy.Retry) (context.Context, runSpans) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, runSpans{}
	}
	if name == "" {
		name = spans.RunFn
	}
	if spans.IsRun(ctx, parent) {
		return ctx, runSpans{name: name, tracer: parent.TracerProvider().Tracer(spans.InstrumentationName)}
	}
	s := runSpans{name: name, tracer: parent.TracerProvider().Tracer(spans.InstrumentationName)}
	ctx, s.run = spans.Start(ctx, s.tracer, name, trace.WithAttributes(
		spans.MaxAttempts.Int(retry.MaxAttempts),
		spans.AttemptTimeout.Int64(retry.Timeout.Milliseconds()),
		spans.Backoff.Int64(retry.Backoff.Milliseconds()),
	))
	return ctx, s
}

func (s runSpans) startAttempt(ctx context.Context, n int) (context.Context, attemptSpan) {
	if s.tracer == nil {
		return ctx, attemptSpan{}
	}
	ctx, span := spans.Start(ctx, s.tracer, s.name+spans.AttemptInfix+strconv.Itoa(n), trace.WithAttributes(spans.AttemptKey.Int(n)))
	return ctx, attemptSpan{span: span}
}

func (s attemptSpan) end(failed *TransactionError) {
	if s.span == nil {
		return
	}
	if failed != nil {
		recordFailure(s.span, failed)
	}
	spans.End(s.span)
}

// end ends the span of the run. A run that succeeded after failed attempts is not an error.
func (s runSpans) end(attempts int, failed *TransactionError) {
	if s.run == nil {
		return
	}
	s.run.SetAttributes(spans.Attempts.Int(attempts))
	if failed != nil {
		recordFailure(s.run, failed)
	}
	spans.End(s.run)
}

func recordFailure(span trace.Span, failed *TransactionError) {
	span.SetAttributes(spans.ErrorType.String(failed.Category.String()))
	span.SetStatus(codes.Error, failed.Error())
	if failed.Stack == nil {
		span.RecordError(failed)
		return
	}
	span.RecordError(failed, trace.WithAttributes(spans.ExceptionStack.String(string(failed.Stack))))
}
