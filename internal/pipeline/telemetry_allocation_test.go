package pipeline_test

import (
	"context"
	"math"
	"runtime"
	"testing"

	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// [O2] Neither without a provider, as programs start out, nor with the one that does nothing.
func TestTelemetryThatNobodyWantsAllocatesNothing(t *testing.T) {
	none := perTransaction(t, nil, nil)
	noop := perTransaction(t, tracenoop.NewTracerProvider(), metricnoop.NewMeterProvider())
	t.Logf("allocations a transaction: %.3f without a provider, %.3f with the one that does nothing", none, noop)
	if raceDetector { // has pools forget now and then, and goroutines wait, so that batches are smaller
		if none >= maxUnderRace || noop >= maxUnderRace {
			t.Errorf("got %.3f and %.3f allocations a transaction, want less than the %d that one span would make", none, noop, maxUnderRace)
		}
		return
	}
	if none >= 1 {
		t.Errorf("got %.3f allocations a transaction without a provider, want less than 1", none)
	}
	// One for each transaction would be 1; the settlements of how many are batched differs from run to run.
	if noop > none+0.5 {
		t.Errorf("got %.3f allocations a transaction with the provider that does nothing, want no more than the %.3f without one", noop, none)
	}
}

// maxUnderRace is about what the spans of one transaction would allocate with a tracer that does nothing.
const maxUnderRace = 6

// perTransaction is what each of 10,000 more transactions allocates, at best.
func perTransaction(t *testing.T, traces trace.TracerProvider, meters metric.MeterProvider) float64 {
	t.Helper()
	least := math.Inf(1)
	for range 5 {
		few, many := mallocs(t, 10_000, traces, meters), mallocs(t, 20_000, traces, meters)
		least = min(least, max(float64(many)-float64(few), 0)/10_000)
	}
	return least
}

// mallocs is how many allocations a run over n transactions makes, each with a success handler.
func mallocs(t *testing.T, n int64, traces trace.TracerProvider, meters metric.MeterProvider) uint64 {
	t.Helper()
	p := policy.DefaultConsumer()
	p.Loop.OnException = policy.OnExceptionDiscard
	p.Loop.Concurrency.Value = 1
	p.Loop.Batch.Prefetch = 200 // what one fetch allocates is shared by many
	loop, err := pipeline.New(pipeline.Settings{
		Task: "task", Worker: "worker-1", Source: memory.NewGenerator(n, nil), Policy: p, Shutdown: policy.DefaultShutdown(),
		Handlers: ergon.Task{
			Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil },
			Success: func(context.Context, ergon.Transaction, any) error { return nil },
		},
		TracerProvider: traces, MeterProvider: meters,
	})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := loop.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := loop.Snapshot().Outcomes[pipeline.Succeeded]; got != n {
		t.Fatalf("%d transactions succeeded, want %d", got, n)
	}
	return after.Mallocs - before.Mallocs
}
