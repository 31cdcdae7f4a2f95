package spans

import (
	"context"

	"go.opentelemetry.io/otel/trace"
)

// Start starts a span. Samplers and span processors are not ours: where one panics, there is no span.
func Start(
	ctx context.Context, tracer trace.Tracer, name string, options ...trace.SpanStartOption,
) (within context.Context, span trace.Span) {
	defer func() {
		if recover() != nil {
			within, span = ctx, trace.SpanFromContext(context.Background())
		}
	}()
	return tracer.Start(ctx, name, options...)
}

// End ends a span, and bears with a span processor that panics.
func End(span trace.Span, options ...trace.SpanEndOption) {
	defer func() { _ = recover() }()
	span.End(options...)
}
