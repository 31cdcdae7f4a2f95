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

// watcher makes what the loop does seen: spans, metrics and log lines that agree. It gets values and knows neither the loop nor its
// flights. Its methods are the events of which more than one of the three is told; the parts are called for their own. What has no
// provider is switched off at the start and costs one comparison from then on [O2].
type watcher struct {
	spans    loopSpans
	log      loopLog
	metrics  *metrics // nil: off
	settings *Settings
	clock    clock
	watching bool // any of the three is on for successes too
	produces bool // a producing loop: it neither fetches nor settles
}

// newWatcher makes the watcher of a loop, and what counts what its sinks know already. Gauges are read while the loop runs.
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

// askFor asks code that is not ours for what it makes, within the limit of package ask [F1].
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

// begin is called when the loop begins. values has the scope of all log lines and spans.
func (w *watcher) begin(values context.Context) {
	w.log.begin(values)
	w.spans.begin(values)
}

// callsOut reports whether the end of a transaction calls foreign code. Log lines have a queue of their own, and
// metrics call nobody.
func (w *watcher) callsOut() bool { return w.spans.on }

// offTracing reports whether no spans can come of a provider: the no-op one, or the global one before any was set.
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

// isUnset recognises the placeholder that package otel hands out until a provider is set. It has no exported name. Were it
// renamed, telemetry without a provider would still work, and cost what a no-op tracer costs.
func isUnset(provider any) bool {
	t := reflect.TypeOf(provider)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "go.opentelemetry.io/otel/internal/global"
}

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
	if w.log.debug {
		w.log.attemptEnded(e)
	}
	if e.span != nil {
		w.spans.endAttempt(e)
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
	if w.log.debug || e.cause != nil {
		w.log.outcome(e)
	}
	if e.span != nil {
		w.spans.endTransaction(e)
	}
}

// fetched counts what a fetch brought.
func (w *watcher) fetched(n int) {
	if w.metrics != nil && !w.produces {
		w.metrics.consumed.add(int64(n))
	}
}

// late is called for every attempt that returned after it was given up.
func (w *watcher) late(ctx context.Context, by time.Duration, err error) {
	if w.metrics != nil {
		w.metrics.lates.add(1)
	}
	w.log.late(ctx, by, err)
}

// stale is called for a delivery that a settlement found taken back; span is that of the settlement.
func (w *watcher) stale(span trace.Span, traced context.Context, id string) { //nolint:revive // traced is the transaction's
	if w.spans.on {
		span.RecordError(capability.ErrStaleDelivery, trace.WithAttributes(spans.MessagingMessageID.String(id)))
	}
	w.log.stale(traced, id)
}

// fetchEnded reports a fetch that a shutdown has cut short like one that brought nothing: it has not failed.
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

// settleEnded is called when a batch is settled, with how many came to which outcome.
func (w *watcher) settleEnded(span trace.Span, counts [outcomes]int64, took instant, err error) {
	if w.metrics != nil {
		if !w.produces {
			w.metrics.called(&w.metrics.settle, took, err)
		}
		w.metrics.settled(counts)
	}
	w.spans.endOperation(span, err)
}

// leasesEnded leaves deliveries that are lost to leaseLost.
func (w *watcher) leasesEnded(span trace.Span, err error) {
	if err != nil && !onlyStale(err) {
		w.log.notExtended(err)
	}
	w.spans.endOperation(span, err)
}

// close waits until log lines, spans, records and measurements are written, within limits, and returns what went wrong with metrics.
func (w *watcher) close(records *recorder) error {
	var mu sync.Mutex // guards failed: the queue's goroutine may outlast the wait; a leaf
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

// flush waits for each queue as long as it moves, up to maxFlush.
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
