package pipeline

import (
	"context"
	"reflect"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/internal/tracecontext"
	"github.com/ergon-go/ergon/policy"
)

// maxLinks bounds the links of a settle span; the SDK's default limit is the same.
const maxLinks = 128

// accepted remembers which fetch brought the flights, where no other span ties them together.
func (w *watcher) accepted(flights []*flight, from trace.SpanContext) {
	if w.metrics != nil && !w.produces {
		w.metrics.consumed(w.consumer.values, len(flights))
	}
	if !w.tracing || !w.link {
		return
	}
	for _, f := range flights {
		f.needAside().fetched = from
	}
}

func (w *watcher) transactionStarted(f *flight) {
	t := f.needAside()
	parent, links := w.parentOf(f)
	options := w.kind
	if len(links) > 0 {
		options = []trace.SpanStartOption{options[0], trace.WithLinks(links...)}
	}
	t.ctx, t.span = spans.Start(parent, w.tracer, w.process, options...)
	if w.produces {
		t.ctx = tracecontext.WithCreation(t.ctx)
		*f.tx = tracecontext.Inject(t.ctx, *f.tx)
	}
}

// parentOf is what the span of a transaction is below, and what it is linked to. By default it begins a trace, which is linked to
// its sender, whose context travels in the metadata, and to a finite loop: however long that is, a trace is as large as what
// happens to one transaction. Where the sender's trace goes on, it is below the sender, and below a finite loop where it has none.
func (w *watcher) parentOf(f *flight) (context.Context, []trace.Link) {
	parent := w.consumer.values
	var links []trace.Link
	sender, loop := tracecontext.Extract(*f.tx), trace.SpanContextFromContext(parent)
	linksLoop := loop.IsValid() && (sender.IsValid() || !w.continues)
	switch {
	case !w.continues:
		parent = w.roots
		if sender.IsValid() {
			links = append(make([]trace.Link, 0, 2), trace.Link{SpanContext: sender})
		}
	case sender.IsValid():
		parent = trace.ContextWithRemoteSpanContext(parent, sender)
	}
	if linksLoop {
		links = append(links, trace.Link{SpanContext: loop})
	}
	if text, has := f.tx.Metadata(tracecontext.Baggage); has && w.continues {
		if b, err := baggage.Parse(text); err == nil {
			parent = baggage.ContextWithBaggage(parent, b)
		}
	}
	if f.aside.fetched.IsValid() {
		links = append(links, trace.Link{SpanContext: f.aside.fetched})
	}
	return parent, links
}

// attemptStarted starts a span only below one that records: what is not sampled costs no more than its trace context. Outbound
// transactions have spans and attempts of their own.
func (w *watcher) attemptStarted(f *flight, a *handlerAttempt) {
	t := f.aside
	if !t.span.IsRecording() || f.state.Phase == lifecycle.Prepare {
		if t.span.SpanContext().IsValid() {
			a.Trace(t.ctx, nil)
		}
		return
	}
	ctx, span := spans.Start(t.ctx, w.tracer, w.attemptName(f.state))
	a.Trace(ctx, span)
}

func (w *watcher) attemptName(s lifecycle.State) string {
	if s.Attempt == 1 && !w.produces {
		return [...]string{
			"process" + spans.AttemptInfix + "1", "prepare" + spans.AttemptInfix + "1",
			"success" + spans.AttemptInfix + "1", "exception" + spans.AttemptInfix + "1",
		}[s.Phase]
	}
	return string(w.consumer.phaseOf(s.Phase)) + spans.AttemptInfix + strconv.Itoa(int(s.Attempt))
}

// endAttempt marks a failure on the attempt's own span only: another attempt may heal it.
func (w *watcher) endAttempt(a *handlerAttempt, event lifecycle.Event, err error) {
	span := a.Span()
	if span == nil {
		return
	}
	if span.IsRecording() {
		phase := a.mark().phase()
		retry := w.consumer.retries[phase]
		span.SetAttributes( // all at once, so that the SDK makes room once
			spans.PhaseKey.String(string(w.consumer.phaseOf(phase))), spans.AttemptKey.Int(a.mark().number()), spans.Result.String(event.String()),
			spans.MaxAttempts.Int(retry.MaxAttempts), spans.AttemptTimeout.Int64(retry.Timeout.Milliseconds()),
		)
		if event != lifecycle.OK {
			recordError(span, categoryOf(event, err), err)
		}
	}
	w.end(span)
}

func (w *watcher) endTransaction(f *flight, v verdict) {
	t := f.aside
	if t == nil || t.span == nil {
		return
	}
	if t.span.IsRecording() {
		t.span.SetAttributes(w.ofTransaction(f, v)...) // all at once, so that the SDK makes room once
		if cause := causeOf(f); cause != nil {
			t.span.SetAttributes(spans.Category.String(cause.Category.String()))
			recordError(t.span, cause.Category, cause)
		}
	}
	w.end(t.span)
}

func (w *watcher) ofTransaction(f *flight, v verdict) []attribute.KeyValue {
	p := w.consumer.settings.Policy
	attributes := []attribute.KeyValue{
		spans.MessagingSystem.String(spans.SystemName), spans.MessagingMessageID.String(f.tx.ID()),
		spans.Task.String(w.consumer.settings.Task), spans.Worker.String(w.consumer.settings.Worker),
		spans.TransactionTimeout.Int64(p.Loop.TransactionTimeout.Milliseconds()), spans.Outcome.String(v.outcome.String()),
	}
	if w.produces {
		return append(attributes, spans.MessagingOperation.String("prepare"), spans.MessagingType.String("send"))
	}
	return append(attributes, spans.MessagingOperation.String("process"), spans.MessagingType.String("process"),
		spans.MessagingSource.String(p.Fetch.Connector), spans.DeliveryCount.Int(f.tx.Delivery().Count))
}

// causeOf is why f failed: the handler's own failure where that came last; nil where it did not fail.
func causeOf(f *flight) *ergon.TransactionError {
	switch {
	case f.failure == nil:
		return nil
	case f.failure.handler != nil:
		return f.failure.handler
	default:
		return f.failure.cause
	}
}

// recordError marks a span as failed. A handler may have returned no error, and its attempt have failed all the same.
func recordError(span trace.Span, category ergon.Category, err error) {
	span.SetAttributes(spans.ErrorType.String(category.String()))
	if err == nil {
		span.SetStatus(codes.Error, category.String())
		return
	}
	span.SetStatus(codes.Error, err.Error())
	var more []attribute.KeyValue
	if read := foreign.Of(err); read != nil && read.Crash() != nil {
		more = append(more, spans.ExceptionStack.String(string(read.Crash().Stack)))
	}
	if read, ok := err.(*foreign.Error); ok { //nolint:errorlint // itself: its author's type is what is to be seen
		more = append(more, spans.ExceptionType.String(reflect.TypeOf(read.Returned()).String()), spans.ExceptionMessage.String(read.Error()))
		span.AddEvent(spans.ExceptionEvent, trace.WithAttributes(more...))
		return
	}
	span.RecordError(err, trace.WithAttributes(more...))
}

func (w *watcher) fetchStarted(ctx context.Context, limit int) (context.Context, trace.Span) {
	if !w.tracing || w.produces {
		return w.unseen(ctx)
	}
	attributes := append(retryPolicy(w.consumer.settings.Policy.Fetch.Retry), spans.FetchLimit.Int(limit))
	if w.link { // no other span says what the loop runs with
		attributes = append(append(attributes, w.loopPolicy()...), w.policy...)
	}
	return w.operation(ctx, spans.Fetch, "receive", nil, attributes...)
}

func (w *watcher) settleStarted(ctx context.Context, batch []*flight) (context.Context, trace.Span) {
	if !w.tracing || w.produces {
		return w.unseen(ctx)
	}
	links := make([]trace.Link, 0, min(len(batch), maxLinks))
	for _, f := range batch[:min(len(batch), maxLinks)] {
		if t := f.aside; t != nil && t.span != nil {
			links = append(links, trace.Link{SpanContext: t.span.SpanContext()})
		}
	}
	attributes := append(retryPolicy(w.consumer.settings.Policy.Settle.Retry), spans.MessagingBatchCount.Int(len(batch)))
	return w.operation(ctx, spans.Settle, "settle", links, attributes...)
}

// unseen is for what has no span: neither has what happens in it.
func (w *watcher) unseen(ctx context.Context) (context.Context, trace.Span) {
	none := trace.SpanFromContext(context.Background())
	if w.tracing {
		ctx = trace.ContextWithSpan(ctx, none)
	}
	return ctx, none
}

func (w *watcher) leasesStarted(ctx context.Context, n int) (context.Context, trace.Span) {
	if !w.tracing {
		return ctx, trace.SpanFromContext(ctx)
	}
	return w.operation(ctx, spans.ExtendLeases, "extend", nil, spans.MessagingBatchCount.Int(n))
}

// operation starts the span of one call to the source, whose attempts become its children.
func (w *watcher) operation(
	ctx context.Context, name, operation string, links []trace.Link, attributes ...attribute.KeyValue,
) (context.Context, trace.Span) {
	ctx, span := spans.Start(ctx, w.tracer, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(links...))
	if span.IsRecording() {
		span.SetAttributes(
			spans.MessagingSystem.String(spans.SystemName), spans.MessagingOperation.String(operation),
			spans.MessagingSource.String(w.consumer.settings.Policy.Fetch.Connector),
			spans.Task.String(w.consumer.settings.Task), spans.Worker.String(w.consumer.settings.Worker),
		)
		span.SetAttributes(attributes...)
	}
	return spans.AsRun(ctx), span
}

func (w *watcher) endOperation(span trace.Span, err error) {
	if !w.tracing {
		return
	}
	if err != nil {
		recordError(span, ergon.CategoryOf(err), err)
	}
	w.end(span)
}

// loopStarted starts the span of a finite loop. A streaming loop has none, because it would never end.
func (w *watcher) loopStarted(ctx context.Context) (context.Context, trace.Span) {
	if !w.tracing || w.link {
		return ctx, trace.SpanFromContext(context.Background())
	}
	ctx, span := spans.Start(ctx, w.tracer, spans.TaskRun)
	if span.IsRecording() {
		span.SetAttributes(spans.Task.String(w.consumer.settings.Task), spans.Worker.String(w.consumer.settings.Worker))
		span.SetAttributes(w.loopPolicy()...)
		span.SetAttributes(w.policy...)
	}
	return ctx, span
}

func retryPolicy(retry policy.Retry) []attribute.KeyValue {
	return []attribute.KeyValue{
		spans.MaxAttempts.Int(retry.MaxAttempts), spans.AttemptTimeout.Int64(retry.Timeout.Milliseconds()),
	}
}

func (w *watcher) loopPolicy() []attribute.KeyValue {
	p := w.consumer.settings.Policy.Loop
	if w.produces {
		of := w.consumer.settings.Producer.Loop
		return []attribute.KeyValue{
			spans.Execution.String(string(p.Execution)), spans.Concurrency.Int(p.Concurrency.Value), spans.BatchSize.Int(of.Batch.Size),
			spans.ThrottleRate.Float64(of.Throttle.Rate), spans.ThrottleBurst.Int(of.Throttle.Burst),
		}
	}
	return []attribute.KeyValue{
		spans.Mode.String(string(p.Mode)), spans.Execution.String(string(p.Execution)),
		spans.Concurrency.Int(p.Concurrency.Value), spans.BatchSize.Int(p.Batch.Size), spans.Streaming.Bool(p.Streaming),
	}
}

func (w *watcher) loopEnded(span trace.Span, err error) {
	if !w.tracing || w.link {
		return
	}
	if err != nil {
		recordError(span, ergon.CategoryOf(err), err)
	}
	w.end(span)
}

// endedSpan is a span that has come to its end, and when.
type endedSpan struct {
	trace.Span

	at time.Time
}

// maxEnded is how many spans may wait for their processors.
const maxEnded = 16_384

func newEndedSpans() *sink.Queue[endedSpan] {
	return sink.NewQueue(maxEnded, func(s endedSpan) { s.End(trace.WithTimestamp(s.at)) })
}

// end leaves the rest to span processors, which are not ours, and for which nobody waits.
func (w *watcher) end(span trace.Span) {
	if span.IsRecording() {
		w.ended.Put(endedSpan{span, time.Now()})
	}
}
