package runner

import (
	"context"
	"iter"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

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
	}, sequenceOf(transactions))
	if err != nil {
		return Snapshot{}, &ConfigError{Task: name, Err: err}
	}
	err = loop.Run(ctx)
	return loop.Snapshot(), err
}
