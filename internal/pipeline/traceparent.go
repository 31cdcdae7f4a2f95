package pipeline

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
)

const (
	traceparent = "traceparent"
	tracestate  = "tracestate"
)

// withTrace returns tx with the span in ctx in its metadata, so that whoever consumes it links to that span. One that comes
// with the span of its making keeps that.
func withTrace(ctx context.Context, tx ergon.Transaction) ergon.Transaction {
	if own, _ := tx.Metadata(traceparent); own != "" {
		return tx
	}
	var carrier propagation.MapCarrier = map[string]string{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	for _, key := range []string{traceparent, tracestate} {
		if value := carrier[key]; value != "" {
			tx = tx.WithMetadata(key, value)
		}
	}
	return tx
}

// traced reports whether there is a span in ctx that could be told of.
func traced(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsValid() }
