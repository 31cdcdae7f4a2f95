package runner

import (
	"context"
	"iter"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// Coalesce puts before a connector what the tasks of a worker dispatch to: dispatches that come while a call is under way make
// the next call together, as batch says, and each returns when its own transactions are durable. It is for a task that is
// handed to [ProduceTransactions]. Safe for concurrent use where the connector is.
func Coalesce(to ergon.Dispatcher, batch policy.ProducerBatch) ergon.Dispatcher {
	return coalesce.New(to, batch)
}

// ProduceTransactions has a task prepare transactions, from any code: with the retries, timeouts, concurrency and throttle of
// p, in constant memory however many there are. name is what the task is called in spans, metrics and logs. The task is
// used as it is: nothing is opened and nothing is closed, and Settings.Flush is not called.
//
// The error is nil where the sequence came to its end, or the limit was reached, and every transaction was prepared.
// Otherwise it joins the cause of ctx where that cut it short, ergon.ErrLoopTimeout, [ErrHeadroom], the error that the sequence
// yielded, and a *[ProduceError] for those that could not be prepared. When ctx ends, what runs has the grace of
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
