package ergon

import (
	"context"
	"iter"

	"github.com/ergon-go/ergon/policy"
)

// ProducerTask is the contract of a producing task. PrepareTransaction is called concurrently, each time with a freshly
// decoded Body, and dispatches the transaction to the connectors that it is for: when it returns nil, the transaction is
// durable there. Attempts, errors and deadlines are as those of [ConsumerTask].
//
// These methods are optional. A method of that name that is not the one meant is a fault, with the signature that it should
// have:
//
//	HandlePrepareSuccess(ctx context.Context, tx TransactionOf[P]) error
//	HandlePrepareException(ctx context.Context, tx Transaction, cause *TransactionError) error
//	Transactions(ctx context.Context) iter.Seq2[Transaction, error]
//
// The first runs after a transaction was prepared, the second after preparing it, or the success handler, failed for good;
// each has a policy of its own. Transactions says what a run of the task produces. It is taken from as there is room for
// more, so it may go on for millions; an error that it yields ends the run, once what was taken before is done.
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
