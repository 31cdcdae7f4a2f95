package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// spanExporter has a link in front of an exporter.
type spanExporter struct {
	to   sdktrace.SpanExporter
	link *link
}

var _ sdktrace.SpanExporter = (*spanExporter)(nil)

// ExportSpans returns no error: the link reports it.
func (e *spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.link.deliver(ctx, len(spans), func(ctx context.Context) error { return e.to.ExportSpans(ctx, spans) })
	return nil
}

// Shutdown shuts the exporter down.
func (e *spanExporter) Shutdown(ctx context.Context) error { return e.to.Shutdown(ctx) }

// spanCounter counts the spans that an exporter is to get.
type spanCounter struct {
	sdktrace.SpanProcessor

	link *link
}

// OnEnd counts a span and passes it on.
func (c *spanCounter) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.SpanContext().IsSampled() {
		c.link.take()
	}
	c.SpanProcessor.OnEnd(s)
}

// traces makes the provider of spans.
func (b *builder) traces(ctx context.Context, described *resource.Resource) error {
	t := b.config.Traces
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(described), sdktrace.WithSampler(b.config.sampler())}
	for _, name := range t.Exporters {
		exporter, link, err := b.spanExporter(ctx, name)
		if err != nil {
			return err
		}
		guarded := &spanExporter{to: exporter, link: link}
		processor := sdktrace.NewSimpleSpanProcessor(guarded)
		if t.Processor == ProcessorBatch {
			processor = sdktrace.NewBatchSpanProcessor(guarded,
				sdktrace.WithMaxQueueSize(t.Batch.Queue), sdktrace.WithMaxExportBatchSize(t.Batch.Size),
				sdktrace.WithBatchTimeout(t.Batch.Interval), sdktrace.WithExportTimeout(t.Batch.Timeout))
		}
		options = append(options, sdktrace.WithSpanProcessor(&spanCounter{SpanProcessor: processor, link: link}))
		b.add(link, processor.Shutdown)
	}
	b.providers.TracerProvider = sdktrace.NewTracerProvider(options...)
	return nil
}

func (b *builder) spanExporter(ctx context.Context, name Exporter) (sdktrace.SpanExporter, *link, error) {
	room := b.config.Traces.Batch.Queue + 2*b.config.Traces.Batch.Size
	if name == ExporterConsole {
		exporter, err := stdouttrace.New(stdouttrace.WithWriter(b.console()))
		return exporter, b.link(traces, "the console", room), err
	}
	return b.otlpSpans(ctx, room)
}
