package runner

import (
	"context"
	"iter"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// Coalesce returns a dispatcher that merges dispatches to a connector, as workers do for their tasks. Dispatches that start
// during a call are merged into the next call, within the limits of batch. Each returns when its own transactions are durable. It
// is for a task that is passed to [ProduceTransactions]. It is safe for concurrent use if the connector is.
func Coalesce(to ergon.Dispatcher, batch policy.ProducerBatch) ergon.Dispatcher {
	return coalesce.New(to, batch)
}

// ProduceTransactions prepares transactions by a task, from any code, with the retries, timeouts, concurrency and throttle of p.
// Memory is constant, however many transactions there are. name is the task's name in spans, metrics and logs. Nothing is opened
// or closed, and Settings.Flush is not called.
//
// The error is nil if every transaction was prepared and the sequence came to its end or the limit was reached. Otherwise it
// joins the cause of ctx, if that interrupted the loop, ergon.ErrLoopTimeout, [ErrHeadroom], the error that the sequence yielded,
// and a *[ProduceError] for transactions that could not be prepared. When ctx ends, running handlers have the grace of
// policy.DefaultShutdown.
func ProduceTransactions(
	ctx context.Context, name string, task ergon.Task, transactions iter.Seq2[ergon.Transaction, error], p policy.Producer, s Settings,
) (Snapshot, error) {
	loop, err := pipeline.NewProducer(pipeline.Settings{
		Task: name, Worker: name + "-1", Handlers: task, Producer: p, Shutdown: policy.DefaultShutdown(), Force: s.Force,
		TracerProvider: s.TracerProvider, MeterProvider: s.MeterProvider, Logger: s.Logger,
		ContinueTraces: s.ContinueTraces,
	}, sequenceOf(transactions))
	if err != nil {
		return Snapshot{}, &ConfigError{Task: name, Err: err}
	}
	err = loop.Run(ctx)
	return loop.Snapshot(), err
}
