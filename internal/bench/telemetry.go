package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	apitrace "go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/ergon-go/ergon/telemetry"
)

// Telemetry returns the engine as it is seen by more and more; without telemetry comes first.
func Telemetry() []Contestant {
	return []Contestant{
		NewEngine().Contestant("no provider anywhere"),
		tracedBy("no-op provider of the API", nooptrace.NewTracerProvider()),
		tracedBy("no-op tracer that the engine does not know", unknown{}),
		tracedBy("SDK tracer that samples nothing", trace.NewTracerProvider(trace.WithSampler(trace.NeverSample()))),
		Metered(),
		MeteredByAnother(),
		Traced("SDK tracer always on, batch processor", Discard{}),
		Traced("SDK tracer always on, batch processor that never drops", Discard{}, trace.WithBlocking()),
	}
}

func tracedBy(name string, provider apitrace.TracerProvider) Contestant {
	return NewEngine(func(e *Engine) { e.Tracers = provider }).Contestant(name)
}

// unknown is a provider of no-op tracers that does not show what it is, as wrappers of providers do.
type unknown struct{ nooptrace.TracerProvider }

// Traced records and exports every span. By default the batch processor drops what its queue of 2,048 spans has no room
// for, as it would in a service that is as busy; the time includes flushing what is left.
func Traced(name string, to trace.SpanExporter, options ...trace.BatchSpanProcessorOption) Contestant {
	c := NewEngine().Contestant(name)
	c.Run = func(ctx context.Context, items int, work Work) (int, error) {
		provider := trace.NewTracerProvider(trace.WithBatcher(to, options...))
		succeeded, err := NewEngine(func(e *Engine) { e.Tracers = provider }).Run(ctx, items, work)
		if down := provider.Shutdown(ctx); down != nil {
			err = errors.Join(err, fmt.Errorf("shut the tracer provider down: %w", down))
		}
		return succeeded, err
	}
	return c
}

// Metered counts every metric as package telemetry sets it up; the time includes reading them once.
func Metered() Contestant {
	c := NewEngine().Contestant("meter of package telemetry, read at the end")
	c.Run = func(ctx context.Context, items int, work Work) (int, error) {
		config := telemetry.DefaultConfig()
		config.Metrics.Exporters = []telemetry.Exporter{telemetry.ExporterPrometheus}
		config.Metrics.Prometheus.Listen = ""
		p, err := telemetry.Setup(ctx, config, telemetry.Settings{Console: io.Discard})
		if err != nil {
			return 0, fmt.Errorf("set up metrics: %w", err)
		}
		succeeded, err := NewEngine(func(e *Engine) { e.Meters = p.MeterProvider }).Run(ctx, items, work)
		p.Prometheus.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
		return succeeded, errors.Join(err, p.Shutdown(ctx))
	}
	return c
}

// MeteredByAnother feeds a meter provider of the SDK that the engine does not know; the time includes reading it once.
func MeteredByAnother() Contestant {
	c := NewEngine().Contestant("SDK meter that is fed, read at the end")
	c.Run = func(ctx context.Context, items int, work Work) (int, error) {
		reader := metric.NewManualReader()
		provider := metric.NewMeterProvider(metric.WithReader(reader))
		succeeded, err := NewEngine(func(e *Engine) { e.Meters = provider }).Run(ctx, items, work)
		if err := errors.Join(err, reader.Collect(ctx, &metricdata.ResourceMetrics{}), provider.Shutdown(ctx)); err != nil {
			return succeeded, fmt.Errorf("run with metrics: %w", err)
		}
		return succeeded, nil
	}
	return c
}

// Discard is an exporter that sends spans nowhere, so that only making them is measured.
type Discard struct{}

var _ trace.SpanExporter = Discard{}

// ExportSpans does nothing.
func (Discard) ExportSpans(context.Context, []trace.ReadOnlySpan) error { return nil }

// Shutdown does nothing.
func (Discard) Shutdown(context.Context) error { return nil }
