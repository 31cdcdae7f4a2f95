package ergon_test

import (
	"context"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
)

// The program's own logger gets the ids that a worker's logger has. They stay at the top level.
func ExampleLogHandler() {
	withoutTime := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	logger := slog.New(ergon.LogHandler(slog.NewTextHandler(os.Stdout, withoutTime))).
		WithGroup("order").With("shop", "Vienna")

	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0x4b}, SpanID: trace.SpanID{0x2a},
	}))
	logger.InfoContext(ctx, "stored", "items", 3)
	// Output: level=INFO msg=stored order.shop=Vienna order.items=3 trace_id=4b000000000000000000000000000000 span_id=2a00000000000000
}
