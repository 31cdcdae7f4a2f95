package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/ask"
	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/internal/spans"
)

// watcher makes what the loop does seen: spans, metrics and log lines that agree. It gets values and knows neither the loop nor its
// flights. What has no provider is switched off at the start and costs one comparison from then on [O2].
type watcher struct {
	settings  Settings
	clock     clock
	values    context.Context //nolint:containedctx // what spans and lines belong to where nothing nearer is known; set as the loop begins
	roots     context.Context //nolint:containedctx // below nothing: for spans that begin a trace; likewise
	logger    *slog.Logger    // never waits
	ended     *sink.Queue[endedSpan]
	log       *sink.Log    // the loop's own; nil: whoever made it flushes it
	tracer    trace.Tracer // of what runs on a worker
	starter   *spanStarter // of what the loop does itself
	metrics   *metrics     // nil: off
	tracing   bool
	debug     bool                 // attempts and successes are logged
	watching  bool                 // any of them
	link      bool                 // streaming: no span is made of the loop, so transactions are linked to their fetch
	produces  bool                 // a producing loop: it neither fetches nor settles
	continues bool                 // the span of a transaction is below that of its sender, and not only linked to it
	policy    []attribute.KeyValue // all values in force; nil where nothing traces
	process   string
	kind      []trace.SpanStartOption // of the span of a transaction
}

// newWatcher makes the watcher of a loop, and what counts what its sinks know already. Gauges are read while the loop runs.
func newWatcher(s Settings, c clock, gauges []gauge) (*watcher, *Known, error) {
	w := &watcher{
		settings: s, clock: c, values: context.Background(), roots: context.Background(),
		ended: newEndedSpans(), process: spans.ProcessPrefix + s.Task, link: s.Policy.Loop.Streaming, produces: s.produces,
		continues: s.ContinueTraces,
	}
	w.logTo(s.Logger)
	tracers, meters := s.TracerProvider, s.MeterProvider
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	err := w.traceBy(tracers)
	if err != nil {
		return nil, nil, err
	}
	known, err := w.measureBy(meters, gauges)
	if err != nil {
		return nil, nil, err
	}
	w.watching = w.tracing || w.metrics != nil || w.debug
	return w, known, nil
}

func (w *watcher) logTo(logger *slog.Logger) {
	if logger == nil {
		logger = slog.Default()
	}
	log, shared := logger.Handler().(*sink.Log)
	if !shared {
		log = sink.NewLog(ergon.LogHandler(logger.Handler()))
		w.log = log
	}
	w.logger = slog.New(log)
	w.debug = w.logger.Enabled(w.values, slog.LevelDebug)
}

func (w *watcher) traceBy(tracers trace.TracerProvider) (err error) {
	w.tracing = !offTracing(tracers)
	kind := trace.SpanKindConsumer
	if w.produces {
		w.process, kind = spans.PreparePrefix+w.settings.Task, trace.SpanKindProducer
	}
	w.kind = []trace.SpanStartOption{trace.WithSpanKind(kind)}
	if !w.tracing {
		return nil
	}
	w.policy = policyAttributes("ergon.policy", reflect.ValueOf(w.settings.Policy))
	if w.produces || w.settings.Handlers.Prepare != nil {
		w.policy = append(w.policy, policyAttributes("ergon.policy.producer", reflect.ValueOf(w.settings.Producer))...)
	}
	w.starter = newSpanStarter(w.end)
	w.tracer, err = ask.For("the tracer provider", func() trace.Tracer { return tracers.Tracer(spans.InstrumentationName) })
	return err //nolint:wrapcheck // it names the provider
}

func (w *watcher) measureBy(meters metric.MeterProvider, gauges []gauge) (*Known, error) {
	if offMetrics(meters) {
		return newKnown(w.settings, w.logger, nil)
	}
	return askFor("the meter provider", func() (*Known, error) {
		by := newMeter(meters)
		known, err := newKnown(w.settings, w.logger, by)
		if err == nil {
			w.metrics, err = newMetrics(w.settings, by, meters, gauges)
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
	w.values, w.roots = values, trace.ContextWithSpanContext(values, trace.SpanContext{})
}

// callsOut reports whether the end of a transaction calls foreign code. Log lines have a queue of their own, and
// metrics call nobody.
func (w *watcher) callsOut() bool { return w.tracing }

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
	left := w.ended.Flush(time.Second, maxFlush, force)
	others.Wait()
	if missing := int64(left) + w.ended.Dropped(); missing > 0 {
		w.logger.WarnContext(w.values, "spans are missing, because their processor did not take them in time", "count", missing)
	}
	if unmeasured > 0 {
		w.logger.WarnContext(w.values, "measurements are missing, because the meter provider did not take them in time", "count", unmeasured)
	}
	w.flushLog()
}

func (w *watcher) flushLog() {
	if w.log != nil {
		w.log.Flush(time.Second, maxFlush, w.settings.Force)
	}
}
