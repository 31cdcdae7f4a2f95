package bench

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	apitrace "go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
)

// Telemetry returns the engine as it is seen by more and more; without telemetry comes first.
func Telemetry() []Contestant {
	return []Contestant{
		NewEngine().Contestant("no provider anywhere"),
		tracedBy("no-op provider of the API", nooptrace.NewTracerProvider()),
		tracedBy("no-op tracer that the engine does not know", unknown{}),
		tracedBy("SDK tracer that samples nothing", trace.NewTracerProvider(trace.WithSampler(trace.NeverSample()))),
		Metered(),
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

// Metered records every metric; the time includes reading them once.
func Metered() Contestant {
	c := NewEngine().Contestant("SDK meter, read at the end")
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
