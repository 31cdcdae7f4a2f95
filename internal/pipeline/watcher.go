package pipeline

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/ask"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
)

// watcher reports what the loop does as spans, metrics and log lines. It gets values; it knows neither the loop nor its flights. It has
// a method for each event that more than one of the three report; the loop calls spans and log directly for the others. Its methods are
// safe for concurrent use and never wait for foreign code [F2]. A part without a provider is off: it costs one comparison a call [O2].
type watcher struct {
	spans    loopSpans
	log      loopLog
	metrics  *metrics // nil: off
	settings *Settings
	clock    clock
	watching bool // one of the three reports successes
	produces bool // a producing loop: it neither fetches nor settles
}

// newWatcher also returns the counters of duplicates, which use the same meter. Gauges are read until close. Providers are asked within
// the limit of package ask.
func newWatcher(s Settings, c clock, gauges []gauge) (*watcher, *Known, error) {
	w := &watcher{log: newLoopLog(&s), settings: &s, clock: c, produces: s.produces}
	tracers, meters := s.TracerProvider, s.MeterProvider
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	err := w.spans.init(w.settings, tracers)
	if err != nil {
		return nil, nil, err
	}
	known, err := w.measureBy(meters, gauges)
	if err != nil {
		return nil, nil, err
	}
	w.watching = w.spans.on || w.metrics != nil || w.log.debug
	return w, known, nil
}

func (w *watcher) measureBy(meters metric.MeterProvider, gauges []gauge) (*Known, error) {
	if offMetrics(meters) {
		return newKnown(*w.settings, w.log.logger, nil)
	}
	return askFor("the meter provider", func() (*Known, error) {
		by := newMeter(meters)
		known, err := newKnown(*w.settings, w.log.logger, by)
		if err == nil {
			w.metrics, err = newMetrics(*w.settings, by, meters, gauges)
		}
		return known, err
	})
}

// askFor calls a foreign constructor within the limit of package ask [F1].
func askFor[T any](what string, question func() (T, error)) (T, error) {
	type answer struct {
		made T
		err  error
	}
	a, err := ask.For(what, func() answer {
		made, err := question()
		return answer{made, err}
	})
	if err == nil {
		err = a.err
	}
	return a.made, err
}

// begin sets the scope of all log lines and spans. It is called once, before the loop starts a goroutine.
func (w *watcher) begin(values context.Context) {
	w.log.begin(values)
	w.spans.begin(values)
}

// callsForeign reports whether the end of a transaction calls foreign code: spans do, log lines go to a queue, and metrics are counters.
func (w *watcher) callsForeign() bool { return w.spans.on }

// offTracing reports whether p never records a span: the no-op provider, or the global one before a provider was set.
func offTracing(p trace.TracerProvider) bool {
	switch p.(type) {
	case tracenoop.TracerProvider, *tracenoop.TracerProvider:
		return true
	}
	return isUnset(p)
}

func offMetrics(p metric.MeterProvider) bool {
	switch p.(type) {
	case metricnoop.MeterProvider, *metricnoop.MeterProvider:
		return true
	}
	return isUnset(p)
}

// isUnset recognises the placeholder of package otel before a provider is set. Its type is not exported. If a later version renames it,
// telemetry without a provider still works, at the cost of a no-op tracer.
func isUnset(provider any) bool {
	t := reflect.TypeOf(provider)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "go.opentelemetry.io/otel/internal/global"
}

// attemptEnd has the result of an attempt, for one call of attemptEnded.
type attemptEnd struct {
	ctx    context.Context //nolint:containedctx // the attempt's
	traced context.Context //nolint:containedctx // has the span of the attempt or of its transaction; nil: tracing is off
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

// attemptEnded is called by the goroutine that owns the attempt.
func (w *watcher) attemptEnded(e attemptEnd) {
	if !w.watching || e.phase == lifecycle.Prepare { // outboundWatch reports each outbound transaction
		return
	}
	if w.metrics != nil {
		w.metrics.attempted(e.traced, e)
	}
	if w.log.debug {
		w.log.attemptEnded(e)
	}
	if e.span != nil {
		w.spans.endAttempt(e)
	}
}

// transactionEnd has the outcome of a transaction, for one call of transactionEnded.
type transactionEnd struct {
	tx      *ergon.Transaction
	traced  context.Context //nolint:containedctx // has its span; nil: tracing is off
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

// traced has the span of f; nil if tracing is off.
func (f *flight) traced() context.Context {
	if f.extras == nil {
		return nil
	}
	return f.extras.ctx
}

// transactionEnded may be left out for successes unless watching. The flight's owner calls it.
func (w *watcher) transactionEnded(e transactionEnd) {
	if w.metrics != nil && e.began != 0 {
		w.metrics.ended(e.traced, e.outcome, e.shard, w.clock.Now()-e.began)
	}
	if w.log.debug || e.cause != nil {
		w.log.outcome(e)
	}
	if e.span != nil {
		w.spans.endTransaction(e)
	}
}

// fetched counts the transactions of one fetch.
func (w *watcher) fetched(n int) {
	if w.metrics != nil && !w.produces {
		w.metrics.consumed.add(int64(n))
	}
}

// late is called for every attempt that returned after it was abandoned, on the attempt's goroutine.
func (w *watcher) late(ctx context.Context, by time.Duration, err error) {
	if w.metrics != nil {
		w.metrics.lates.add(1)
	}
	w.log.late(ctx, by, err)
}

// stale is called if a settlement finds that the source has taken the delivery back; span is the settlement's.
func (w *watcher) stale(span trace.Span, traced context.Context, id string) { //nolint:revive // traced is the transaction's
	if w.spans.on {
		span.RecordError(capability.ErrStaleDelivery, trace.WithAttributes(spans.MessagingMessageID.String(id)))
	}
	w.log.stale(traced, id)
}

// fetchEnded reports an interrupted fetch like an empty one, because it has not failed.
func (w *watcher) fetchEnded(span trace.Span, n int, took instant, err error) {
	if errors.Is(err, ergon.ErrInterrupted) {
		err = nil
	}
	if w.metrics != nil && !w.produces {
		w.metrics.called(&w.metrics.receive, took, err)
	}
	if w.spans.on && span.IsRecording() {
		span.SetAttributes(spans.MessagingBatchCount.Int(n))
	}
	w.spans.endOperation(span, err)
}

// settleEnded is called when a batch is settled; counts has the number of each outcome.
func (w *watcher) settleEnded(span trace.Span, counts [outcomes]int64, took instant, err error) {
	if w.metrics != nil {
		if !w.produces {
			w.metrics.called(&w.metrics.settle, took, err)
		}
		w.metrics.settled(counts)
	}
	w.spans.endOperation(span, err)
}

// leasesEnded does not log lost deliveries: leaseLost does, one by one.
func (w *watcher) leasesEnded(span trace.Span, err error) {
	if err != nil && !onlyStale(err) {
		w.log.notExtended(err)
	}
	w.spans.endOperation(span, err)
}

// close flushes log lines, spans, records and measurements, within the limits of flush, and returns errors of unregistering metrics.
func (w *watcher) close(records *recorder) error {
	var mu sync.Mutex // guards failed: the queue's goroutine may outlast flush; a leaf
	var failed error
	if w.metrics != nil {
		w.metrics.end(func(err error) {
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
		})
	}
	w.flush(records)
	mu.Lock()
	defer mu.Unlock()
	return failed
}

// flush waits for each queue until it is empty, has not moved for a second, or maxFlush has passed. A forced shutdown shortens it. What
// is left is reported as missing.
func (w *watcher) flush(records *recorder) {
	force := w.settings.Force
	var others sync.WaitGroup
	others.Go(func() { records.flush(force) })
	var unmeasured int64
	if w.metrics != nil {
		queue := w.metrics.meter.queue
		others.Go(func() { unmeasured = int64(queue.Flush(time.Second, maxFlush, force)) + queue.Dropped() })
	}
	left := w.spans.ended.Flush(time.Second, maxFlush, force)
	others.Wait()
	w.log.missing(int64(left)+w.spans.ended.Dropped(), unmeasured)
	w.log.flush(force)
}
