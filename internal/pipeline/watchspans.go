package pipeline

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/ask"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/internal/tracecontext"
	"github.com/ergon-go/ergon/policy"
)

// maxLinks bounds the links of a settle span; the SDK's default limit is the same.
const maxLinks = 128

// loopSpans makes the spans of a loop and its transactions. Its methods are safe for concurrent use after begin. Starting a span of a
// transaction calls samplers and span processors on the worker; starting one of the loop is limited by starter; ending one never waits.
type loopSpans struct {
	settings  *Settings
	values    context.Context //nolint:containedctx // the parent of spans about no transaction; set by begin
	roots     context.Context //nolint:containedctx // values without a span, the parent of spans that begin a trace; set by begin
	on        bool            // false: the provider makes no spans
	link      bool            // streaming: the loop has no span, so transactions are linked to their fetch
	produces  bool            // a producing loop: it neither fetches nor settles
	continues bool            // the span of a transaction is a child of its sender's; false: it is linked to it
	tracer    trace.Tracer    // for transactions and attempts, on their worker
	starter   *spanStarter    // for everything else
	ended     *sink.Queue[endedSpan]
	policy    []attribute.KeyValue // all values in force
	process   string               // the name of a transaction's span
	kind      []trace.SpanStartOption
	unrelated []trace.SpanStartOption // of a transaction that has no sender and begins a trace
}

// init asks the provider for a tracer, within the limit of package ask.
func (s *loopSpans) init(settings *Settings, tracers trace.TracerProvider) (err error) {
	kind := trace.SpanKindConsumer
	*s = loopSpans{
		settings: settings, values: context.Background(), roots: context.Background(), on: !offTracing(tracers),
		link: settings.Policy.Loop.Streaming, produces: settings.produces, continues: settings.ContinueTraces,
		ended: newEndedSpans(), process: spans.ProcessPrefix + settings.Task,
	}
	if s.produces {
		s.process, kind = spans.PreparePrefix+settings.Task, trace.SpanKindProducer
	}
	s.kind = []trace.SpanStartOption{trace.WithSpanKind(kind)}
	s.unrelated = s.kind
	if !s.on {
		return nil
	}
	s.policy = policyAttributes("ergon.policy", reflect.ValueOf(settings.Policy))
	if s.produces || settings.Handlers.Prepare != nil {
		s.policy = append(s.policy, policyAttributes("ergon.policy.producer", reflect.ValueOf(settings.Producer))...)
	}
	s.starter = newSpanStarter(s.end)
	s.tracer, err = ask.For("the tracer provider", func() trace.Tracer { return tracers.Tracer(spans.InstrumentationName) })
	return err //nolint:wrapcheck // it names the provider
}

// begin sets the scope of all spans, before the loop starts a goroutine.
func (s *loopSpans) begin(values context.Context) {
	s.values, s.roots = values, trace.ContextWithSpanContext(values, trace.SpanContext{})
	if loop := trace.SpanContextFromContext(values); loop.IsSampled() {
		s.unrelated = append(slices.Clip(s.kind), trace.WithLinks(trace.Link{SpanContext: loop}))
	}
}

// linksFetch reports whether transactions are linked to fetch, because they have no loop span to link to. A link to a span that is not
// sampled leads nowhere.
func (s *loopSpans) linksFetch(fetch trace.SpanContext) bool {
	return s.on && s.link && fetch.IsSampled()
}

// transactionStarted starts the span of a transaction on its worker. A sampler or span processor that hangs blocks this worker. fetched
// is the span of its fetch if linksFetch, otherwise empty. A produced transaction gets the span in its metadata.
func (s *loopSpans) transactionStarted(tx *ergon.Transaction, fetched trace.SpanContext) (context.Context, trace.Span) {
	parent, options := s.roots, s.unrelated
	if sender := tracecontext.Extract(*tx); s.continues || sender.IsValid() || fetched.IsValid() {
		parent, options = s.related(*tx, sender, fetched)
	}
	ctx, span := spans.Start(parent, s.tracer, s.process, options...)
	if s.produces {
		ctx = tracecontext.WithCreation(ctx)
		*tx = tracecontext.Inject(ctx, *tx)
	}
	return ctx, span
}

// related returns the parent of a transaction's span, and its options with the links. By default each transaction begins a trace, so
// the size of a trace does not depend on the length of a run. It is linked to its sender, whose trace context is in the metadata, and to
// the span of a finite loop that is sampled. If traces continue, its parent is the sender's span, or that of a finite loop if there is
// no sender.
func (s *loopSpans) related(tx ergon.Transaction, sender, fetched trace.SpanContext) (context.Context, []trace.SpanStartOption) {
	parent := s.values
	links := make([]trace.Link, 0, 3)
	loop := trace.SpanContextFromContext(parent)
	linksLoop := loop.IsSampled() && (sender.IsValid() || !s.continues)
	switch {
	case !s.continues:
		parent = s.roots
		if sender.IsValid() {
			links = append(links, trace.Link{SpanContext: sender})
		}
	case sender.IsValid():
		parent = trace.ContextWithRemoteSpanContext(parent, sender)
	}
	if linksLoop {
		links = append(links, trace.Link{SpanContext: loop})
	}
	if text, has := tx.Metadata(tracecontext.Baggage); has && s.continues {
		if b, err := baggage.Parse(text); err == nil {
			parent = baggage.ContextWithBaggage(parent, b)
		}
	}
	if fetched.IsValid() {
		links = append(links, trace.Link{SpanContext: fetched})
	}
	if len(links) == 0 {
		return parent, s.kind
	}
	return parent, append(slices.Clip(s.kind), trace.WithLinks(links...))
}

// attemptStarted starts a span only if the transaction's span, of, is recorded; within has that span. An attempt that is not sampled
// costs nothing. A prepare phase has no span, because outboundWatch makes those of its outbound transactions. traced is nil if tracing
// is off.
func (s *loopSpans) attemptStarted(within context.Context, of trace.Span, at lifecycle.State) (traced context.Context, span trace.Span) {
	switch {
	case of.IsRecording() && at.Phase != lifecycle.Prepare:
		return spans.Start(within, s.tracer, s.attemptName(at))
	case of.SpanContext().IsValid():
		return within, nil
	default:
		return nil, nil
	}
}

func (s *loopSpans) attemptName(at lifecycle.State) string {
	if at.Attempt == 1 && !s.produces {
		return [...]string{
			"process" + spans.AttemptInfix + "1", "prepare" + spans.AttemptInfix + "1",
			"success" + spans.AttemptInfix + "1", "exception" + spans.AttemptInfix + "1",
		}[at.Phase]
	}
	return string(phaseOf(s.produces, at.Phase)) + spans.AttemptInfix + strconv.Itoa(int(at.Attempt))
}

// endAttempt marks a failure on the attempt's span only, because a later attempt may succeed.
func (s *loopSpans) endAttempt(e attemptEnd) {
	if e.span.IsRecording() {
		retry := s.retryOf(e.phase)
		e.span.SetAttributes( // all at once, so that the SDK makes room once
			spans.PhaseKey.String(string(phaseOf(s.produces, e.phase))), spans.AttemptKey.Int(e.number), spans.Result.String(e.event.String()),
			spans.MaxAttempts.Int(retry.MaxAttempts), spans.AttemptTimeout.Int64(retry.Timeout.Milliseconds()),
		)
		if e.event != lifecycle.OK {
			recordError(e.span, categoryOf(e.event, e.err), e.err)
		}
	}
	s.end(e.span)
}

// retryOf returns the policy of a phase whose attempts have spans.
func (s *loopSpans) retryOf(p lifecycle.Phase) *policy.Retry {
	switch p {
	case lifecycle.Success:
		return &s.settings.Policy.Success.Retry
	case lifecycle.Exception:
		return &s.settings.Policy.Exception.Retry
	default:
		return &s.settings.Policy.Process.Retry
	}
}

func (s *loopSpans) endTransaction(e transactionEnd) {
	if e.span.IsRecording() {
		e.span.SetAttributes(s.ofTransaction(e)...) // all at once, so that the SDK makes room once
		if e.cause != nil {
			e.span.SetAttributes(spans.Category.String(e.cause.Category.String()))
			recordError(e.span, e.cause.Category, e.cause)
		}
	}
	s.end(e.span)
}

func (s *loopSpans) ofTransaction(e transactionEnd) []attribute.KeyValue {
	p := &s.settings.Policy
	attributes := append(make([]attribute.KeyValue, 0, 10),
		spans.MessagingSystem.String(spans.SystemName), spans.MessagingMessageID.String(e.tx.ID()),
		spans.Task.String(s.settings.Task), spans.Worker.String(s.settings.Worker),
		spans.TransactionTimeout.Int64(p.Loop.TransactionTimeout.Milliseconds()), spans.Outcome.String(e.outcome.String()),
	)
	if s.produces {
		return append(attributes, spans.MessagingOperation.String("prepare"), spans.MessagingType.String("send"))
	}
	return append(attributes, spans.MessagingOperation.String("process"), spans.MessagingType.String("process"),
		spans.MessagingSource.String(p.Fetch.Connector), spans.DeliveryCount.Int(e.tx.Delivery().Count))
}

// causeOf returns the last failure of f: the exception handler's, if that failed as well. It returns nil if f did not fail.
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

// recordError marks a span as failed. err is nil if the attempt failed although its handler returned no error.
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
	if read, ok := err.(*foreign.Error); ok { //nolint:errorlint // not what it wraps: the span names the type of the returned error
		more = append(more, spans.ExceptionType.String(reflect.TypeOf(read.Returned()).String()), spans.ExceptionMessage.String(read.Error()))
		span.AddEvent(spans.ExceptionEvent, trace.WithAttributes(more...))
		return
	}
	span.RecordError(err, trace.WithAttributes(more...))
}

func (s *loopSpans) fetchStarted(ctx context.Context, limit int) (context.Context, trace.Span) {
	if !s.on || s.produces {
		return s.unseen(ctx)
	}
	attributes := append(retryPolicy(s.settings.Policy.Fetch.Retry), spans.FetchLimit.Int(limit))
	if s.link { // no other span has the policy
		attributes = append(append(attributes, s.loopPolicy()...), s.policy...)
	}
	return s.operation(ctx, spans.Fetch, "receive", nil, attributes...)
}

func (s *loopSpans) settleStarted(ctx context.Context, batch []*flight) (context.Context, trace.Span) {
	if !s.on || s.produces {
		return s.unseen(ctx)
	}
	var links []trace.Link
	for _, f := range batch[:min(len(batch), maxLinks)] {
		if t := f.extras; t != nil && t.span != nil && t.span.SpanContext().IsSampled() {
			if links == nil {
				links = make([]trace.Link, 0, min(len(batch), maxLinks))
			}
			links = append(links, trace.Link{SpanContext: t.span.SpanContext()})
		}
	}
	attributes := append(retryPolicy(s.settings.Policy.Settle.Retry), spans.MessagingBatchCount.Int(len(batch)))
	return s.operation(ctx, spans.Settle, "settle", links, attributes...)
}

// unseen returns a context without a span, so that nothing below it has one either.
func (s *loopSpans) unseen(ctx context.Context) (context.Context, trace.Span) {
	none := trace.SpanFromContext(context.Background())
	if s.on {
		ctx = trace.ContextWithSpan(ctx, none)
	}
	return ctx, none
}

func (s *loopSpans) leasesStarted(ctx context.Context, n int) (context.Context, trace.Span) {
	if !s.on {
		return ctx, trace.SpanFromContext(ctx)
	}
	return s.operation(ctx, spans.ExtendLeases, "extend", nil, spans.MessagingBatchCount.Int(n))
}

// operation starts the span of one call of the source with all its attempts.
func (s *loopSpans) operation(
	ctx context.Context, name, operation string, links []trace.Link, attributes ...attribute.KeyValue,
) (context.Context, trace.Span) {
	bounded := boundedTracer{of: s.tracer, starter: s.starter}
	ctx, span := bounded.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(links...))
	if span.IsRecording() {
		span.SetAttributes(
			spans.MessagingSystem.String(spans.SystemName), spans.MessagingOperation.String(operation),
			spans.MessagingSource.String(s.settings.Policy.Fetch.Connector),
			spans.Task.String(s.settings.Task), spans.Worker.String(s.settings.Worker),
		)
		span.SetAttributes(attributes...)
	}
	return spans.AsRun(ctx), span
}

func (s *loopSpans) endOperation(span trace.Span, err error) {
	if !s.on {
		return
	}
	if err != nil {
		recordError(span, ergon.CategoryOf(err), err)
	}
	s.end(span)
}

// loopStarted starts the span of a finite loop. A streaming loop has none, because it would never end.
func (s *loopSpans) loopStarted(ctx context.Context) (context.Context, trace.Span) {
	if !s.on || s.link {
		return ctx, trace.SpanFromContext(context.Background())
	}
	ctx, span := s.starter.start(ctx, s.tracer, spans.TaskRun)
	if span.IsRecording() {
		span.SetAttributes(spans.Task.String(s.settings.Task), spans.Worker.String(s.settings.Worker))
		span.SetAttributes(s.loopPolicy()...)
		span.SetAttributes(s.policy...)
	}
	return ctx, span
}

func retryPolicy(retry policy.Retry) []attribute.KeyValue {
	return []attribute.KeyValue{
		spans.MaxAttempts.Int(retry.MaxAttempts), spans.AttemptTimeout.Int64(retry.Timeout.Milliseconds()),
	}
}

func (s *loopSpans) loopPolicy() []attribute.KeyValue {
	p := s.settings.Policy.Loop
	if s.produces {
		of := s.settings.Producer.Loop
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

func (s *loopSpans) loopEnded(span trace.Span, err error) {
	if !s.on || s.link {
		return
	}
	if err != nil {
		recordError(span, ergon.CategoryOf(err), err)
	}
	s.end(span)
}

// endedSpan is a span that waits for its processor, and the time of its end.
type endedSpan struct {
	trace.Span

	at time.Time
}

// maxEnded is the maximum number of spans that wait for their processor; further ones are dropped and counted.
const maxEnded = 16_384

func newEndedSpans() *sink.Queue[endedSpan] {
	return sink.NewQueue(maxEnded, func(s endedSpan) { s.End(trace.WithTimestamp(s.at)) })
}

// end passes a recorded span to the goroutine that calls the span processors, with the time of its end.
func (s *loopSpans) end(span trace.Span) {
	if bounded, ok := span.(boundedSpan); ok {
		span = bounded.Span
	}
	if span.IsRecording() {
		s.ended.Put(endedSpan{span, time.Now()})
	}
}

// exemplary returns ctx for the exemplar of a measurement; nil if tracing is off.
func (s *loopSpans) exemplary(ctx context.Context) context.Context {
	if s.on {
		return ctx
	}
	return nil
}
