package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
)

// attemptEnded is called for every attempt while anybody watches.
func (w *watcher) attemptEnded(a *handlerAttempt, event lifecycle.Event, err error, took instant) {
	if !w.watching || a.mark().phase() == lifecycle.Prepare { // each outbound transaction is watched by itself
		return
	}
	if w.metrics != nil {
		w.metrics.attempted(a.Values(w.consumer.values), a, event, took)
	}
	if w.debug {
		w.logger.DebugContext(a, "attempt ended", "result", event.String(), "took", time.Duration(took), "error", err)
	}
	w.endAttempt(a, event, err)
}

// transactionEnded is called for every transaction while anybody watches, and for those that did not succeed in any case.
func (w *watcher) transactionEnded(f *flight) {
	v := f.verdict
	now := w.consumer.clock.Now()
	if w.metrics != nil && f.began != 0 {
		w.metrics.ended(w.contextOf(f), v.outcome, now-f.began)
	}
	w.logOutcome(f, v)
	w.endTransaction(f, v)
}

func (w *watcher) logOutcome(f *flight, v verdict) {
	level := slog.LevelDebug
	attrs := make([]slog.Attr, 0, 5)
	attrs = append(attrs, slog.String("outcome", v.outcome.String()))
	if cause := causeOf(f); cause != nil && (v.outcome != Interrupted && v.outcome != Redelivered) {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("category", cause.Category.String()), slog.String("failed_phase", string(cause.Phase)),
			slog.Any("error", copyOf(cause)))
		if cause.Stack != nil {
			attrs = append(attrs, slog.String("stack", string(cause.Stack)))
		}
	}
	if w.logger.Enabled(w.consumer.values, level) {
		w.logger.LogAttrs(w.scoped(f), level, "transaction ended", attrs...)
	}
}

func (w *watcher) contextOf(f *flight) context.Context {
	if f.aside != nil && f.aside.ctx != nil {
		return f.aside.ctx
	}
	return w.consumer.values
}

// scoped is the context of log lines about f outside of its attempts.
func (w *watcher) scoped(f *flight) context.Context {
	s := w.consumer.settings
	return spans.WithScope(w.contextOf(f), spans.Scope{Task: s.Task, Worker: s.Worker, TransactionID: f.tx.ID()})
}

// stuck is called for a handler that has not heeded its context.
func (w *watcher) stuck(a *handlerAttempt, n int64) {
	w.logger.WarnContext(a, "attempt given up, and its handler has not returned since; have it heed its context",
		"after", patience, "abandoned", n)
}

// late is called for every attempt that returned after it was given up: those that heed their context do so at once.
func (w *watcher) late(a *handlerAttempt, err error) {
	if w.metrics != nil {
		w.metrics.lates.Add(a.Values(w.consumer.values), 1, w.metrics.base...)
	}
	level := slog.LevelDebug
	by := time.Duration(w.consumer.clock.Now() - a.Until)
	if by > patience {
		level = slog.LevelWarn
	}
	w.logger.Log(a, level, "attempt returned after it was given up; its result is discarded", "late_by", by, "error", err)
}

// notDeadLettered and unsettled write one line for a batch: when a disk is full, all of it fails. It has the trace of the
// transaction that it names.
func (w *watcher) notDeadLettered(_ context.Context, lost undone) {
	if len(lost.flights) > 0 {
		w.logger.ErrorContext(w.scoped(lost.flights[0]),
			"dead letters could not be written; their transactions are requeued", "count", len(lost.flights), "error", lost.err)
	}
}

func (w *watcher) unsettled(left undone) {
	w.logger.ErrorContext(w.scoped(left.flights[0]),
		"transactions could not be settled; they will be delivered again", "count", len(left.flights), "error", left.err)
}

func (w *watcher) sequenceStuck() {
	w.logger.WarnContext(w.consumer.values, "the loop has ended, and the sequence of its transactions has not returned since; "+
		"have it heed its context")
}

func (w *watcher) stale(ctx context.Context, f *flight) {
	if w.tracing {
		trace.SpanFromContext(ctx).RecordError(ergon.ErrStaleDelivery, trace.WithAttributes(spans.MessagingMessageID.String(f.tx.ID())))
	}
	w.logger.WarnContext(w.scoped(f), "the source has taken the transaction back; it will be delivered again")
}

func (w *watcher) notReleased(n int, err error) {
	w.logger.ErrorContext(w.consumer.values, "transactions that were not wanted could not be given back", "count", n, "error", err)
}

func (w *watcher) notCounted(err error) {
	w.logger.WarnContext(w.consumer.values, "the source cannot say whether it holds back what was requeued; the loop ends without it",
		"error", err)
}

// leaseLost is told by another goroutine than the flight's owner, which therefore reads nothing of the flight. Nil is a
// transaction that does not run.
func (w *watcher) leaseLost(a *handlerAttempt, tx *ergon.Transaction) {
	var ctx context.Context = a
	if a == nil {
		s := w.consumer.settings
		ctx = spans.WithScope(w.consumer.values, spans.Scope{Task: s.Task, Worker: s.Worker, TransactionID: tx.ID()})
	}
	w.logger.WarnContext(ctx, "lease lost; the handler is cancelled and its result discarded")
}

// fetchEnded takes a fetch that a shutdown cut short for one that brought nothing: it is no failure.
func (w *watcher) fetchEnded(span trace.Span, n int, took instant, err error) {
	if errors.Is(err, ergon.ErrInterrupted) {
		err = nil
	}
	if w.metrics != nil && !w.produces {
		w.metrics.called(w.consumer.values, &w.metrics.receive, took, err)
	}
	if w.tracing && span.IsRecording() {
		span.SetAttributes(spans.MessagingBatchCount.Int(n))
	}
	w.endOperation(span, err)
}

func (w *watcher) settleEnded(span trace.Span, batch []*flight, took instant, err error) {
	if w.metrics != nil {
		if !w.produces {
			w.metrics.called(w.consumer.values, &w.metrics.settle, took, err)
		}
		w.metrics.settled(w.consumer.values, batch)
	}
	if w.debug && !w.produces {
		for _, f := range batch {
			w.logger.DebugContext(w.scoped(f), "transaction settled",
				"outcome", f.verdict.outcome.String(), "action", f.verdict.action.String())
		}
	}
	w.endOperation(span, err)
}

// leasesEnded leaves deliveries that are lost to leaseLost.
func (w *watcher) leasesEnded(span trace.Span, err error) {
	if err != nil && !onlyStale(err) {
		w.logger.WarnContext(w.consumer.values, "leases could not all be extended", "error", err)
	}
	w.endOperation(span, err)
}

func onlyStale(err error) bool {
	batch, partial := errors.AsType[*ergon.BatchError](err)
	if !partial {
		return false
	}
	for _, failure := range batch.Failures {
		if !errors.Is(failure, ergon.ErrStaleDelivery) {
			return false
		}
	}
	return true
}

func (w *watcher) empty(wait time.Duration) {
	if w.debug {
		w.logger.DebugContext(w.consumer.values, "nothing to fetch", "wait", wait)
	}
}

func (w *watcher) outageChanged(lasts bool) {
	if lasts {
		w.logger.WarnContext(w.consumer.values, "outage: too many transactions in a row failed; fetching one at a time until one succeeds",
			"after", w.consumer.settings.Policy.Loop.Outage.After)
		return
	}
	w.logger.InfoContext(w.consumer.values, "outage over: a transaction succeeded")
}
