package bench

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// Engine is how the engine is set up.
type Engine struct {
	Policy   policy.Consumer
	Shutdown policy.Shutdown
	// Queue has each transaction dispatched to a queue first, and fetched from it.
	Queue bool
	// Tracers and Meters are the global ones where nil, of which there are none.
	Tracers trace.TracerProvider
	Meters  metric.MeterProvider
}

// NewEngine is the engine as it is compared: its default policy (three attempts of 30 s for each phase, 5 minutes for the
// transaction), 64 workers, fetching 100 at a time and up to 200 ahead.
func NewEngine(options ...func(*Engine)) Engine {
	e := Engine{Policy: policy.DefaultConsumer(), Shutdown: policy.DefaultShutdown()}
	e.Policy.Loop.Concurrency.Value = workers
	e.Policy.Loop.Batch.Size = batchSize
	e.Policy.Loop.Batch.Prefetch = 2 * batchSize
	e.Policy.Loop.OnException = policy.OnExceptionDiscard
	for _, option := range options {
		option(&e)
	}
	return e
}

// Sync has a fixed pool run the transactions.
func Sync(e *Engine) { e.Policy.Loop.Execution = policy.ExecutionSync }

// InBatches finishes a batch before it fetches the next.
func InBatches(e *Engine) { e.Policy.Loop.Mode = policy.ModeBatch }

// FromQueue takes the transactions from a queue instead of being made as they are fetched.
func FromQueue(e *Engine) { e.Queue = true }

// Concurrency has as many transactions run at once, and as many attempts that may be abandoned.
func Concurrency(n int) func(*Engine) {
	return func(e *Engine) { e.Policy.Loop.Concurrency.Value = n }
}

// Contestant makes the engine one.
func (e Engine) Contestant(name string) Contestant {
	return Contestant{Name: name, Attempts: e.Policy.Process.Retry.MaxAttempts, Deadline: DeadlineHard, Run: e.Run}
}

// Run takes as many transactions through their lifecycle.
func (e Engine) Run(ctx context.Context, items int, work Work) (int, error) {
	consumer, err := pipeline.New(e.settings(items, handlersOf(work)))
	if err != nil {
		return 0, fmt.Errorf("make the loop: %w", err)
	}
	if err := consumer.Run(ctx); err != nil {
		return 0, fmt.Errorf("run the loop: %w", err)
	}
	return int(consumer.Snapshot().Outcomes[pipeline.Succeeded]), nil
}

func (e Engine) settings(items int, handlers ergon.Task) pipeline.Settings {
	generator := memory.NewGenerator(int64(items), nil)
	settings := pipeline.Settings{
		Task: "bench", Handlers: handlers, Source: generator, Policy: e.Policy, Shutdown: e.Shutdown,
		TracerProvider: e.Tracers, MeterProvider: e.Meters, Logger: slog.New(slog.DiscardHandler),
	}
	if e.Queue {
		settings.Source = &filled{Queue: memory.New(memory.Settings{Finite: true}), from: generator, left: items}
	}
	return settings
}

func handlersOf(work Work) ergon.Task {
	task := ergon.Task{
		Process: func(ctx context.Context, _ ergon.Transaction) (any, error) { return nil, work.Process(ctx) },
	}
	if work.Success != nil {
		task.Success = func(ctx context.Context, _ ergon.Transaction, _ any) error { return work.Success(ctx) }
	}
	return task
}
