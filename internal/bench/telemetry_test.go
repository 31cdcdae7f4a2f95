package bench_test

import (
	"context"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/ergon-go/ergon/internal/bench"
)

// BenchmarkTelemetry is what being seen costs, beside the engine without telemetry.
func BenchmarkTelemetry(b *testing.B) { compare(b, bench.Entries(bench.Telemetry(), bench.Noop())) }

func TestEngineTakesEveryItemThroughHoweverItIsSeen(t *testing.T) {
	for _, c := range bench.Telemetry() {
		t.Run(c.Name, func(t *testing.T) { takesEveryItemThrough(t, c, 1_234) })
	}
}

// counter is an exporter that counts spans.
type counter struct {
	bench.Discard

	spans atomic.Int64
}

func (c *counter) ExportSpans(_ context.Context, spans []trace.ReadOnlySpan) error {
	c.spans.Add(int64(len(spans)))
	return nil
}

func TestTracedEngineExportsThreeSpansForEachItem(t *testing.T) {
	const items = 5_000 // more than the batch processor's queue holds
	exporter := &counter{}
	takesEveryItemThrough(t, bench.Traced("counted", exporter, trace.WithBlocking()), items)
	if got, want := exporter.spans.Load(), int64(3*items); got < want {
		t.Errorf("%d spans exported, want at least %d: the transaction and two attempts of each item", got, want)
	}
}
