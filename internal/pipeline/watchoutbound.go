package pipeline

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/internal/tracecontext"
)

// outboundWatch is the loop's [outboundObserver].
type outboundWatch struct {
	stats      *loopStats
	watcher    *watcher
	stuckCheck *stuckCheck
	headroom   *headroom
}

var _ outboundObserver = (*outboundWatch)(nil)

// Started starts a child span of the inbound transaction's and puts it into tx's metadata. tx has no span if the inbound transaction
// has none or is not sampled.
func (o *outboundWatch) Started(ctx context.Context, tx *ergon.Transaction) (context.Context, trace.Span) {
	w, parent, span := o.watcher, trace.SpanFromContext(ctx), trace.SpanFromContext(context.Background())
	if !w.spans.on || !parent.SpanContext().IsValid() {
		return ctx, span
	}
	if parent.IsRecording() {
		ctx, span = spans.Start(ctx, w.spans.tracer, spans.PreparePrefix+w.settings.Task, trace.WithSpanKind(trace.SpanKindProducer))
		ctx = tracecontext.WithCreation(spans.AsRun(ctx))
	}
	*tx = tracecontext.Inject(ctx, *tx)
	return ctx, span
}

// Ended records the metrics and ends the span.
func (o *outboundWatch) Ended(ctx context.Context, span trace.Span, tx ergon.Transaction, began instant, failed *ergon.TransactionError) {
	w, outcome := o.watcher, Succeeded
	if failed != nil {
		outcome = Failed
	}
	if w.metrics != nil {
		w.metrics.prepared[outcome].record(w.spans.exemplary(ctx), 0, w.clock.Now()-began)
		w.metrics.sent[outcome].add(1)
	}
	if span.IsRecording() {
		span.SetAttributes(
			spans.MessagingSystem.String(spans.SystemName), spans.MessagingOperation.String("prepare"), spans.MessagingType.String("send"),
			spans.MessagingMessageID.String(tx.ID()), spans.Task.String(w.settings.Task),
			spans.Worker.String(w.settings.Worker), spans.Outcome.String(outcome.String()),
		)
		if failed != nil {
			recordError(span, failed.Category, failed)
		}
	}
	w.spans.end(span)
}

// ExceptionHandlerFailed logs the failure. The inbound transaction fails with the cause of the outbound one, not with this error.
func (o *outboundWatch) ExceptionHandlerFailed(ctx context.Context, failed *ergon.TransactionError) {
	o.watcher.log.logger.WarnContext(ctx, "the exception handler of an outbound transaction failed", "error", failed)
}

// Attempted counts an attempt. Durations of success and exception handlers are in the metrics only.
func (o *outboundWatch) Attempted(ctx context.Context, phase lifecycle.Phase, event lifecycle.Event, took instant) {
	s, w := o.stats.nextShard(), o.watcher
	if phase == lifecycle.Prepare {
		s.phases[phase].observe(took)
	}
	if event == lifecycle.Timeout {
		s.timeouts.Add(1)
	}
	if w.metrics != nil {
		w.metrics.attempt[phase][event].record(w.spans.exemplary(ctx), s.number, took)
	}
}

// Retried counts a retry.
func (o *outboundWatch) Retried() { o.stats.shards[0].retries.Add(1) }

// GivenUp counts the attempt against the headroom, and warns if the handler has not returned after patience [T2].
func (o *outboundWatch) GivenUp(ctx context.Context, returnedLate func() bool) {
	o.headroom.giveUp()
	o.stuckCheck.later(func() {
		if !returnedLate() {
			o.watcher.log.logger.WarnContext(ctx,
				"attempt to prepare given up, and its handler has not returned since; make it respect its context",
				"after", patience, "abandoned", o.headroom.used())
		}
	})
}

// ReturnedLate takes the attempt off the headroom.
func (o *outboundWatch) ReturnedLate(ctx context.Context, err error) {
	o.headroom.returned()
	o.stats.late.Add(1)
	if o.watcher.metrics != nil {
		o.watcher.metrics.lates.add(1)
	}
	o.watcher.log.logger.DebugContext(ctx, "attempt to prepare returned after it was given up; its result is discarded", "error", err)
}
