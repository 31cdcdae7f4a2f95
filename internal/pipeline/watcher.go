package pipeline

import (
	"context"
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
	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/internal/spans"
)

// watcher makes what the loop does seen: spans, metrics and log lines that agree. What has no provider is switched off at
// the start and costs one comparison from then on.
type watcher struct {
	consumer *Consumer
	logger   *slog.Logger // never waits
	ended    *sink.Queue[endedSpan]
	log      *sink.Log // the loop's own; nil: whoever made it flushes it
	tracer   trace.Tracer
	metrics  *metrics // nil: off
	tracing  bool
	debug    bool // attempts and successes are logged
	watching bool // any of them
	link     bool // streaming: no span is made of the loop, so transactions are linked to their fetch
	produces bool // there is no source to be fetched from and settled with
	// continues: the span of a transaction is below that of its sender, and not only linked to it
	continues bool
	roots     context.Context      //nolint:containedctx // below nothing: for spans that begin a trace; set as the loop begins
	policy    []attribute.KeyValue // all values in force; nil where nothing traces
	process   string

	kind []trace.SpanStartOption // of the span of a transaction
}

func newWatcher(c *Consumer) (*watcher, error) {
	s := c.settings
	w := &watcher{
		consumer: c, ended: newEndedSpans(), process: spans.ProcessPrefix + s.Task, link: s.Policy.Loop.Streaming, produces: s.produces,
		continues: s.ContinueTraces,
	}
	kind := trace.SpanKindConsumer
	if s.produces {
		w.process, kind = spans.PreparePrefix+s.Task, trace.SpanKindProducer
	}
	logger := s.Logger
	if logger == nil {
		logger = slog.Default()
	}
	log, shared := logger.Handler().(*sink.Log)
	if !shared {
		log = sink.NewLog(ergon.LogHandler(logger.Handler()))
		w.log = log
	}
	w.logger = slog.New(log)
	w.debug = w.logger.Enabled(c.values, slog.LevelDebug)
	tracers := s.TracerProvider
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	w.tracing = !offTracing(tracers)
	if w.tracing {
		w.policy = policyAttributes("ergon.policy", reflect.ValueOf(s.Policy))
		if s.produces || s.Handlers.Prepare != nil {
			w.policy = append(w.policy, policyAttributes("ergon.policy.producer", reflect.ValueOf(s.Producer))...)
		}
	}
	w.kind = []trace.SpanStartOption{trace.WithSpanKind(kind)}
	w.tracer = tracers.Tracer(spans.InstrumentationName)
	meters := s.MeterProvider
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	var err error
	if c.known, err = newKnown(s, w.logger, meters); err != nil {
		return nil, err
	}
	if !offMetrics(meters) {
		m, err := newMetrics(c, meters.Meter(spans.InstrumentationName))
		if err != nil {
			return nil, err
		}
		w.metrics = m
	}
	w.watching = w.tracing || w.metrics != nil || w.debug
	return w, nil
}

// callsOut reports whether the end of a transaction is told by calls of code that is not ours. Log lines have a queue of their own.
func (w *watcher) callsOut() bool { return w.tracing || w.metrics != nil }

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

// close waits for what was told, within limits.
func (w *watcher) close() error {
	w.flush()
	if w.metrics == nil {
		return nil
	}
	return w.metrics.close()
}

// flush waits for what the loop has told, as long as those get on who are told.
func (w *watcher) flush() {
	c := w.consumer
	var recording sync.WaitGroup
	recording.Go(func() { c.recorder.Flush(time.Second, maxFlush, c.settings.Force) })
	left := w.ended.Flush(time.Second, maxFlush, c.settings.Force)
	recording.Wait()
	if missing := int64(left) + w.ended.Dropped(); missing > 0 {
		w.logger.WarnContext(c.values, "spans are missing, because their processor did not take them in time", "count", missing)
	}
	w.flushLog()
}

func (w *watcher) flushLog() {
	if w.log != nil {
		w.log.Flush(time.Second, maxFlush, w.consumer.settings.Force)
	}
}
