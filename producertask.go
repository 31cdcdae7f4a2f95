package ergon

import (
	"context"
	"iter"

	"github.com/ergon-go/ergon/policy"
)

// ProducerTask is the contract of a producing task. PrepareTransaction is called concurrently, each time with a freshly decoded
// Body, and dispatches the transaction to its connectors. It returns nil only if the transaction is durable there. Attempts,
// errors and deadlines are as those of [ConsumerTask].
//
// These methods are optional. [Task.Validate] reports a method with such a name and another signature:
//
//	HandlePrepareSuccess(ctx context.Context, tx TransactionOf[P]) error
//	HandlePrepareException(ctx context.Context, tx Transaction, cause *TransactionError) error
//	Transactions(ctx context.Context) iter.Seq2[Transaction, error]
//
// HandlePrepareSuccess runs after a transaction was prepared. HandlePrepareException runs after preparing it, or its success
// handler, has failed permanently. Each has a policy of its own. Transactions yields what a run of the task produces. The run
// takes the next transaction when it has capacity, so the sequence may have millions. If the sequence yields an error, the run
// finishes the transactions before it and ends.
type ProducerTask[P any] interface {
	PrepareTransaction(ctx context.Context, tx TransactionOf[P]) error
}

// prepareSuccessHandler is an optional part of a ProducerTask.
type prepareSuccessHandler[P any] interface {
	HandlePrepareSuccess(ctx context.Context, tx TransactionOf[P]) error
}

// prepareExceptionHandler is an optional part of a ProducerTask. It gets the untyped transaction, because decoding may be
// what failed.
type prepareExceptionHandler interface {
	HandlePrepareException(ctx context.Context, tx Transaction, cause *TransactionError) error
}

// transactionsMethod is an optional part of a ProducerTask.
type transactionsMethod interface {
	Transactions(ctx context.Context) iter.Seq2[Transaction, error]
}

// executeMethod and exitMethod are optional parts of every task.
type (
	executeMethod interface {
		Execute(ctx context.Context, run TaskRun) error
	}
	exitMethod interface {
		Exit(ctx context.Context) error
	}
)

// TaskRun is what a task's own Execute runs loops with. What it runs is the task's: with its connectors, counted in its summary,
// and shut down with it. Loops may run one after the other or side by side.
type TaskRun interface {
	// Policies are those of the task's configuration.
	Policies() (policy.Consumer, policy.Producer)
	// Consume runs a consuming loop to its end. The error is nil at the natural end. ctx is Execute's or derived from it.
	Consume(ctx context.Context, p policy.Consumer) error
	// Produce prepares transactions until there are no more. The error is nil where all of them were prepared, and otherwise
	// says how many were not and what the first of them failed with.
	Produce(ctx context.Context, transactions iter.Seq2[Transaction, error], p policy.Producer) error
}
