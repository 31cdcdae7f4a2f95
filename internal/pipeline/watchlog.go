package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// attemptEnd is an attempt that has ended.
type attemptEnd struct {
	ctx    context.Context //nolint:containedctx // the attempt's, for a call
	traced context.Context //nolint:containedctx // likewise: carries its span, or that of its transaction; nil: nothing traces
	span   trace.Span      // of the attempt; nil for none
	phase  lifecycle.Phase
	number int
	event  lifecycle.Event
	err    error
	took   instant
	shard  int
}

func endOf(a *handlerAttempt, on *shard, event lifecycle.Event, err error, took instant) attemptEnd {
	var none context.Context
	return attemptEnd{
		ctx: a, traced: a.Values(none), span: a.Span(), phase: a.mark().phase(), number: a.mark().number(),
		event: event, err: err, took: took, shard: on.number,
	}
}

// attemptEnded is called for every attempt while anybody watches.
func (w *watcher) attemptEnded(e attemptEnd) {
	if !w.watching || e.phase == lifecycle.Prepare { // each outbound transaction is watched by itself
		return
	}
	if w.metrics != nil {
		w.metrics.attempted(e.traced, e)
	}
	if w.debug {
		w.logger.DebugContext(e.ctx, "attempt ended", "result", e.event.String(), "took", time.Duration(e.took), "error", e.err)
	}
	if e.span != nil {
		w.endAttempt(e)
	}
}

// transactionEnd is a transaction whose lifecycle has ended.
type transactionEnd struct {
	tx      *ergon.Transaction
	traced  context.Context //nolint:containedctx // carries its span, for a call; nil: nothing traces
	span    trace.Span      // nil for none
	outcome Outcome
	cause   *ergon.TransactionError // nil if it did not fail
	began   instant                 // 0 if it did not begin
	shard   int
}

func transactionEndOf(on *shard, f *flight) transactionEnd {
	end := transactionEnd{tx: f.tx, outcome: f.verdict.outcome, cause: causeOf(f), began: f.began, shard: on.number}
	if f.extras != nil {
		end.traced, end.span = f.extras.ctx, f.extras.span
	}
	return end
}

// traced carries the span of f; nil where nothing traces.
func (f *flight) traced() context.Context {
	if f.extras == nil {
		return nil
	}
	return f.extras.ctx
}

// transactionEnded is called for every transaction while anybody watches, and for those that did not succeed in any case.
func (w *watcher) transactionEnded(e transactionEnd) {
	if w.metrics != nil && e.began != 0 {
		w.metrics.ended(e.traced, e.outcome, e.shard, w.clock.Now()-e.began)
	}
	if w.debug || e.cause != nil {
		w.logOutcome(e)
	}
	if e.span != nil {
		w.endTransaction(e)
	}
}

func (w *watcher) logOutcome(e transactionEnd) {
	level := slog.LevelDebug
	attrs := make([]slog.Attr, 0, 5)
	attrs = append(attrs, slog.String("outcome", e.outcome.String()))
	if e.cause != nil && (e.outcome != Interrupted && e.outcome != Redelivered) {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("category", e.cause.Category.String()), slog.String("failed_phase", string(e.cause.Phase)),
			slog.Any("error", copyOf(e.cause)))
		if e.cause.Stack != nil {
			attrs = append(attrs, slog.String("stack", string(e.cause.Stack)))
		}
	}
	if w.logger.Enabled(w.values, level) {
		w.logger.LogAttrs(w.scoped(e.traced, e.tx.ID()), level, "transaction ended", attrs...)
	}
}

// scoped is the context of log lines about a transaction outside of its attempts. Nil for traced: nothing traces.
func (w *watcher) scoped(traced context.Context, id string) context.Context {
	if traced == nil {
		traced = w.values
	}
	return spans.WithScope(traced, spans.Scope{Task: w.settings.Task, Worker: w.settings.Worker, TransactionID: id})
}

// stuck is called for a handler that does not respect its context.
func (w *watcher) stuck(ctx context.Context, n int64) {
	w.logger.WarnContext(ctx, "attempt given up, and its handler has not returned since; make it respect its context",
		"after", patience, "abandoned", n)
}

// late is called for every attempt that returned after it was given up. One that respects its context does so at once.
func (w *watcher) late(ctx context.Context, by time.Duration, err error) {
	if w.metrics != nil {
		w.metrics.lates.add(1)
	}
	level := slog.LevelDebug
	if by > patience {
		level = slog.LevelWarn
	}
	w.logger.Log(ctx, level, "attempt returned after it was given up; its result is discarded", "late_by", by, "error", err)
}

// leftOver sums up what could not be done for some transactions of a batch. One line is written for all: with a full disk, all of the
// batch fails. The line has the trace of the first.
type leftOver struct {
	traced context.Context //nolint:containedctx // of the first, for a call
	id     string
	count  int // 0: nothing is logged
	err    error
}

func (u undone) summary() leftOver {
	if len(u.flights) == 0 {
		return leftOver{}
	}
	return leftOver{traced: u.flights[0].traced(), id: u.flights[0].tx.ID(), count: len(u.flights), err: u.err}
}

func (w *watcher) notDeadLettered(l leftOver) {
	if l.count > 0 {
		w.logger.ErrorContext(w.scoped(l.traced, l.id),
			"dead letters could not be written; their transactions are requeued", "count", l.count, "error", l.err)
	}
}

func (w *watcher) unsettled(l leftOver) {
	w.logger.ErrorContext(w.scoped(l.traced, l.id),
		"transactions could not be settled; they will be delivered again", "count", l.count, "error", l.err)
}

func (w *watcher) sequenceStuck() {
	w.logger.WarnContext(w.values, "the loop has ended, and the sequence of its transactions has not returned since; "+
		"make it respect its context")
}

// stale is called for a delivery that a settlement found taken back; span is that of the settlement.
func (w *watcher) stale(span trace.Span, traced context.Context, id string) { //nolint:revive // traced is the transaction's
	if w.tracing {
		span.RecordError(capability.ErrStaleDelivery, trace.WithAttributes(spans.MessagingMessageID.String(id)))
	}
	w.logger.WarnContext(w.scoped(traced, id), "the source has taken the transaction back; it will be delivered again")
}

func (w *watcher) notReleased(n int, err error) {
	w.logger.ErrorContext(w.values, "transactions that were not wanted could not be given back", "count", n, "error", err)
}

func (w *watcher) notCounted(err error) {
	w.logger.WarnContext(w.values, "the source cannot say whether it holds back what was requeued; the loop ends without it",
		"error", err)
}

// leaseLost is called by another goroutine than the flight's owner. Nil for ctx: no attempt runs.
func (w *watcher) leaseLost(ctx context.Context, id string) {
	if ctx == nil {
		ctx = w.scoped(nil, id) //nolint:staticcheck // nil is "nothing traces"
	}
	w.logger.WarnContext(ctx, "lease lost; the handler is cancelled and its result discarded")
}

// fetchEnded reports a fetch that a shutdown has cut short like one that brought nothing: it has not failed.
func (w *watcher) fetchEnded(span trace.Span, n int, took instant, err error) {
	if errors.Is(err, ergon.ErrInterrupted) {
		err = nil
	}
	if w.metrics != nil && !w.produces {
		w.metrics.called(&w.metrics.receive, took, err)
	}
	if w.tracing && span.IsRecording() {
		span.SetAttributes(spans.MessagingBatchCount.Int(n))
	}
	w.endOperation(span, err)
}

// settleEnded is called when a batch is settled, with how many came to which outcome.
func (w *watcher) settleEnded(span trace.Span, counts [outcomes]int64, took instant, err error) {
	if w.metrics != nil {
		if !w.produces {
			w.metrics.called(&w.metrics.settle, took, err)
		}
		w.metrics.settled(counts)
	}
	w.endOperation(span, err)
}

// transactionSettled is called for each transaction of a batch while debug lines are written.
func (w *watcher) transactionSettled(traced context.Context, id string, o Outcome, action policy.SettleAction) {
	w.logger.DebugContext(w.scoped(traced, id), "transaction settled", "outcome", o.String(), "action", action.String())
}

// leasesEnded leaves deliveries that are lost to leaseLost.
func (w *watcher) leasesEnded(span trace.Span, err error) {
	if err != nil && !onlyStale(err) {
		w.logger.WarnContext(w.values, "leases could not all be extended", "error", err)
	}
	w.endOperation(span, err)
}

func onlyStale(err error) bool {
	batch, partial := errors.AsType[*ergon.BatchError](err)
	if !partial {
		return false
	}
	for _, failure := range batch.Failures {
		if !errors.Is(failure, capability.ErrStaleDelivery) {
			return false
		}
	}
	return true
}

func (w *watcher) empty(wait time.Duration) {
	if w.debug {
		w.logger.DebugContext(w.values, "nothing to fetch", "wait", wait)
	}
}

func (w *watcher) outageChanged(lasts bool) {
	if lasts {
		w.logger.WarnContext(w.values, "outage: too many transactions in a row failed; fetching one at a time until one succeeds",
			"after", w.settings.Policy.Loop.Outage.After)
		return
	}
	w.logger.InfoContext(w.values, "outage over: a transaction succeeded")
}
