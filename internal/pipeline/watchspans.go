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

// fetched counts what a fetch brought.
func (w *watcher) fetched(n int) {
	if w.metrics != nil && !w.produces {
		w.metrics.consumed.add(int64(n))
	}
}

// linksFetch reports whether transactions are linked to their fetch, because no other span ties them together.
func (w *watcher) linksFetch() bool { return w.tracing && w.link }

// transactionStarted starts the span of a transaction on its worker: a sampler or a span processor that hangs holds that worker.
// fetched is the fetch that brought it, if it is linked to that. What is produced carries its span.
func (w *watcher) transactionStarted(tx *ergon.Transaction, fetched trace.SpanContext) (context.Context, trace.Span) {
	parent, links := w.parentOf(*tx, fetched)
	options := w.kind
	if len(links) > 0 {
		options = []trace.SpanStartOption{options[0], trace.WithLinks(links...)}
	}
	ctx, span := spans.Start(parent, w.tracer, w.process, options...)
	if w.produces {
		ctx = tracecontext.WithCreation(ctx)
		*tx = tracecontext.Inject(ctx, *tx)
	}
	return ctx, span
}

// parentOf is what the span of a transaction is below, and what it is linked to. By default it begins a trace, which is linked to
// its sender, whose context travels in the metadata, and to a finite loop: however long that is, a trace is as large as what
// happens to one transaction. Where the sender's trace goes on, it is below the sender, and below a finite loop where it has none.
func (w *watcher) parentOf(tx ergon.Transaction, fetched trace.SpanContext) (context.Context, []trace.Link) {
	parent := w.values
	var links []trace.Link
	sender, loop := tracecontext.Extract(tx), trace.SpanContextFromContext(parent)
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
	if text, has := tx.Metadata(tracecontext.Baggage); has && w.continues {
		if b, err := baggage.Parse(text); err == nil {
			parent = baggage.ContextWithBaggage(parent, b)
		}
	}
	if fetched.IsValid() {
		links = append(links, trace.Link{SpanContext: fetched})
	}
	return parent, links
}

// attemptStarted starts a span only below one that records: what is not sampled costs no more than its trace context. Outbound
// transactions have spans and attempts of their own. Of and within are the transaction's span and what carries it. It returns nil for
// a context where nothing traces.
func (w *watcher) attemptStarted(within context.Context, of trace.Span, s lifecycle.State) (traced context.Context, span trace.Span) {
	switch {
	case of.IsRecording() && s.Phase != lifecycle.Prepare:
		return spans.Start(within, w.tracer, w.attemptName(s))
	case of.SpanContext().IsValid():
		return within, nil
	default:
		return nil, nil
	}
}

func (w *watcher) attemptName(s lifecycle.State) string {
	if s.Attempt == 1 && !w.produces {
		return [...]string{
			"process" + spans.AttemptInfix + "1", "prepare" + spans.AttemptInfix + "1",
			"success" + spans.AttemptInfix + "1", "exception" + spans.AttemptInfix + "1",
		}[s.Phase]
	}
	return string(phaseOf(w.produces, s.Phase)) + spans.AttemptInfix + strconv.Itoa(int(s.Attempt))
}

// endAttempt marks a failure on the attempt's own span only: another attempt may heal it.
func (w *watcher) endAttempt(e attemptEnd) {
	if e.span.IsRecording() {
		retry := w.retryOf(e.phase)
		e.span.SetAttributes( // all at once, so that the SDK makes room once
			spans.PhaseKey.String(string(phaseOf(w.produces, e.phase))), spans.AttemptKey.Int(e.number), spans.Result.String(e.event.String()),
			spans.MaxAttempts.Int(retry.MaxAttempts), spans.AttemptTimeout.Int64(retry.Timeout.Milliseconds()),
		)
		if e.event != lifecycle.OK {
			recordError(e.span, categoryOf(e.event, e.err), e.err)
		}
	}
	w.end(e.span)
}

// retryOf is the policy of a phase that has attempts with spans.
func (w *watcher) retryOf(p lifecycle.Phase) *policy.Retry {
	switch p {
	case lifecycle.Success:
		return &w.settings.Policy.Success.Retry
	case lifecycle.Exception:
		return &w.settings.Policy.Exception.Retry
	default:
		return &w.settings.Policy.Process.Retry
	}
}

func (w *watcher) endTransaction(e transactionEnd) {
	if e.span.IsRecording() {
		e.span.SetAttributes(w.ofTransaction(e)...) // all at once, so that the SDK makes room once
		if e.cause != nil {
			e.span.SetAttributes(spans.Category.String(e.cause.Category.String()))
			recordError(e.span, e.cause.Category, e.cause)
		}
	}
	w.end(e.span)
}

func (w *watcher) ofTransaction(e transactionEnd) []attribute.KeyValue {
	p := &w.settings.Policy
	attributes := []attribute.KeyValue{
		spans.MessagingSystem.String(spans.SystemName), spans.MessagingMessageID.String(e.tx.ID()),
		spans.Task.String(w.settings.Task), spans.Worker.String(w.settings.Worker),
		spans.TransactionTimeout.Int64(p.Loop.TransactionTimeout.Milliseconds()), spans.Outcome.String(e.outcome.String()),
	}
	if w.produces {
		return append(attributes, spans.MessagingOperation.String("prepare"), spans.MessagingType.String("send"))
	}
	return append(attributes, spans.MessagingOperation.String("process"), spans.MessagingType.String("process"),
		spans.MessagingSource.String(p.Fetch.Connector), spans.DeliveryCount.Int(e.tx.Delivery().Count))
}

// causeOf is why f failed: the exception handler's failure if that came last; nil if f did not fail.
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
	attributes := append(retryPolicy(w.settings.Policy.Fetch.Retry), spans.FetchLimit.Int(limit))
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
		if t := f.extras; t != nil && t.span != nil {
			links = append(links, trace.Link{SpanContext: t.span.SpanContext()})
		}
	}
	attributes := append(retryPolicy(w.settings.Policy.Settle.Retry), spans.MessagingBatchCount.Int(len(batch)))
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
	bounded := boundedTracer{of: w.tracer, starter: w.starter}
	ctx, span := bounded.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(links...))
	if span.IsRecording() {
		span.SetAttributes(
			spans.MessagingSystem.String(spans.SystemName), spans.MessagingOperation.String(operation),
			spans.MessagingSource.String(w.settings.Policy.Fetch.Connector),
			spans.Task.String(w.settings.Task), spans.Worker.String(w.settings.Worker),
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
	ctx, span := w.starter.start(ctx, w.tracer, spans.TaskRun)
	if span.IsRecording() {
		span.SetAttributes(spans.Task.String(w.settings.Task), spans.Worker.String(w.settings.Worker))
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
	p := w.settings.Policy.Loop
	if w.produces {
		of := w.settings.Producer.Loop
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
	if bounded, ok := span.(boundedSpan); ok {
		span = bounded.Span
	}
	if span.IsRecording() {
		w.ended.Put(endedSpan{span, time.Now()})
	}
}
