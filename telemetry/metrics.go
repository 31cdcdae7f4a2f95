package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/ergon-go/ergon/internal/stats"
)

// metricExporter has a link in front of an exporter.
type metricExporter struct {
	sdkmetric.Exporter

	link *link
}

// Export returns no error: the link reports it.
func (e *metricExporter) Export(ctx context.Context, data *metricdata.ResourceMetrics) error {
	e.link.deliver(ctx, 1, func(ctx context.Context) error { return e.Exporter.Export(ctx, data) })
	return nil
}

// metrics makes the provider of metrics.
func (b *builder) metrics(ctx context.Context, described *resource.Resource) error {
	m := b.config.Metrics
	options := []sdkmetric.Option{sdkmetric.WithResource(described)}
	registry := &stats.Registry{}
	for _, name := range m.Exporters {
		if name == ExporterPrometheus {
			reader, err := b.prometheus(newProducer(registry, sdkmetric.DefaultTemporalitySelector))
			if err != nil {
				return err
			}
			options = append(options, sdkmetric.WithReader(reader))
			continue
		}
		exporter, link, err := b.metricExporter(ctx, name)
		if err != nil {
			return err
		}
		reader := sdkmetric.NewPeriodicReader(&metricExporter{Exporter: exporter, link: link},
			sdkmetric.WithInterval(m.Interval), sdkmetric.WithTimeout(m.Timeout),
			sdkmetric.WithProducer(newProducer(registry, exporter.Temporality)))
		options = append(options, sdkmetric.WithReader(reader))
		b.add(link, reader.Shutdown)
	}
	b.providers.MeterProvider = ownMetrics{MeterProvider: sdkmetric.NewMeterProvider(options...), registry: registry}
	return nil
}

func (b *builder) metricExporter(ctx context.Context, name Exporter) (sdkmetric.Exporter, *link, error) {
	if name == ExporterConsole {
		exporter, err := stdoutmetric.New(stdoutmetric.WithWriter(b.console()))
		return exporter, b.link(metrics, "the console", 0), err
	}
	return b.otlpMetrics(ctx)
}

// temporalityOf is the specification's table of OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE.
func temporalityOf(t Temporality) sdkmetric.TemporalitySelector {
	return func(kind sdkmetric.InstrumentKind) metricdata.Temporality {
		switch {
		case t == TemporalityCumulative:
		case kind == sdkmetric.InstrumentKindCounter, kind == sdkmetric.InstrumentKindHistogram,
			kind == sdkmetric.InstrumentKindObservableCounter && t == TemporalityDelta:
			return metricdata.DeltaTemporality
		}
		return metricdata.CumulativeTemporality
	}
}
