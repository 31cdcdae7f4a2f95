package pipeline

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/internal/tracecontext"
)

// outboundStarted starts the span of an outbound transaction, below that of the inbound one, and puts it into its metadata.
func (w *watcher) outboundStarted(ctx context.Context, tx *ergon.Transaction) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !w.tracing || !parent.SpanContext().IsValid() {
		return ctx, trace.SpanFromContext(context.Background())
	}
	span := trace.SpanFromContext(context.Background())
	if parent.IsRecording() {
		ctx, span = spans.Start(ctx, w.tracer, spans.PreparePrefix+w.settings.Task, trace.WithSpanKind(trace.SpanKindProducer))
		ctx = tracecontext.WithCreation(spans.AsRun(ctx))
	}
	*tx = tracecontext.Inject(ctx, *tx)
	return ctx, span
}

func (w *watcher) outboundEnded(
	ctx context.Context, span trace.Span, tx ergon.Transaction, began instant, failed *ergon.TransactionError,
) {
	outcome := Succeeded
	if failed != nil {
		outcome = Failed
	}
	if w.metrics != nil {
		w.metrics.prepared[outcome].record(w.exemplary(ctx), 0, w.clock.Now()-began)
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
	w.end(span)
}

func (w *watcher) outboundHandlerFailed(ctx context.Context, failed *ergon.TransactionError) {
	w.logger.WarnContext(ctx, "the exception handler of an outbound transaction failed", "error", failed)
}

func (w *watcher) outboundLate(ctx context.Context, err error) {
	if w.metrics != nil {
		w.metrics.lates.add(1)
	}
	w.logger.DebugContext(ctx, "attempt to prepare returned after it was given up; its result is discarded", "error", err)
}

func (w *watcher) outboundStuck(ctx context.Context, n int64) {
	w.logger.WarnContext(ctx, "attempt to prepare given up, and its handler has not returned since; make it respect its context",
		"after", patience, "abandoned", n)
}

// outboundAttemptEnded is called for each attempt of a phase of an outbound transaction.
func (w *watcher) outboundAttemptEnded(ctx context.Context, p lifecycle.Phase, event lifecycle.Event, on *shard, took instant) {
	if w.metrics != nil {
		w.metrics.attempt[p][event].record(w.exemplary(ctx), on.number, took)
	}
}

// exemplary is ctx where its span may be an example of a duration; nil where nothing traces.
func (w *watcher) exemplary(ctx context.Context) context.Context {
	if w.tracing {
		return ctx
	}
	return nil
}

// refusedOutputs corrects what was told of a transaction before its outputs were refused.
func (w *watcher) refusedOutputs(traced context.Context, id string, o Outcome, cause *ergon.TransactionError) {
	w.logger.LogAttrs(w.scoped(traced, id), slog.LevelWarn, "the store refuses what came out of the transaction, which fails for it",
		slog.String("outcome", o.String()), slog.Any("error", copyOf(cause)))
}
