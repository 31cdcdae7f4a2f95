package ergon

import (
	"context"
	"iter"

	"github.com/ergon-go/ergon/policy"
)

// ProducerTask is the contract of a producing task. PrepareTransaction is called concurrently, each time with a freshly decoded
// Body, and dispatches the transaction to its connectors. It returns nil only if the transaction is durable there. The rules of
// [ConsumerTask] for attempts, errors and deadlines apply.
//
// These parts are optional: [PrepareSuccessHandler], [PrepareExceptionHandler] and [TransactionSource]. [Task.Validate] reports a
// method that has the name of one of them and another signature.
type ProducerTask[P any] interface {
	PrepareTransaction(ctx context.Context, tx TransactionOf[P]) error
}

// PrepareSuccessHandler is an optional part of a [ProducerTask]. It runs after PrepareTransaction has succeeded, with its own
// policy.
type PrepareSuccessHandler[P any] interface {
	HandlePrepareSuccess(ctx context.Context, tx TransactionOf[P]) error
}

// PrepareExceptionHandler is an optional part of a [ProducerTask]. It runs after PrepareTransaction or the success handler has
// failed permanently, with its own policy. It gets the untyped transaction, because decoding the payload may have failed. Each
// call gets a copy of the failure.
type PrepareExceptionHandler interface {
	HandlePrepareException(ctx context.Context, tx Transaction, cause *TransactionError) error
}

// TransactionSource is an optional part of a [ProducerTask]: Transactions yields what a run of the task produces. A hybrid task does
// not have it, because its inbound transactions are its source.
type TransactionSource interface {
	// Transactions is ranged over once in a run, on a goroutine of its own. The run takes the next transaction when it has capacity,
	// so the sequence may have millions. ctx ends with the run. If the sequence yields an error, the run finishes the transactions
	// before it and ends.
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

// TaskRun runs loops for a task that has its own Execute. The loops use the connectors of the task and stop with it. Their
// transactions count in its summary. They may run one after the other or at the same time.
type TaskRun interface {
	// Policies returns the policies of the task's configuration.
	Policies() (policy.Consumer, policy.Producer)
	// Consume runs a consuming loop to its end. The error is nil at the natural end. ctx is the context of Execute or derived from
	// it.
	Consume(ctx context.Context, p policy.Consumer) error
	// Produce prepares transactions to the end of the sequence. The error is nil if all of them were prepared. Otherwise it says
	// how many were not, and with which error the first of them failed.
	Produce(ctx context.Context, transactions iter.Seq2[Transaction, error], p policy.Producer) error
}
