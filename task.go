package ergon

import (
	"context"
	"errors"
	"iter"
)

// Task is what the engine runs: untyped functions, of which there is Process or Prepare. A task author rarely writes one by
// hand but makes it with [Consume], [Produce] or [Hybrid]; plain functions work all the same:
//
//	ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) { … }}
//
// A nil function means that there is nothing to do. Every function may be called concurrently.
type Task struct {
	// Process runs the business logic on one transaction. Its result is handed to Success. Where the task has Prepare as well
	// it is a hybrid: the result is a []Transaction, which are prepared before Success runs.
	Process func(ctx context.Context, tx Transaction) (any, error)
	// Success runs after Process succeeded. Where it fails for good, Exception runs; Process does not run again.
	Success func(ctx context.Context, tx Transaction, result any) error
	// Exception runs after Process or Success failed for good and says what becomes of the transaction.
	Exception func(ctx context.Context, tx Transaction, cause *TransactionError) (Disposition, error)

	// Prepare dispatches one transaction that is produced. It is durable when Prepare returns nil.
	Prepare func(ctx context.Context, tx Transaction) error
	// PrepareSuccess runs after Prepare succeeded.
	PrepareSuccess func(ctx context.Context, tx Transaction) error
	// PrepareException runs after Prepare or PrepareSuccess failed for good.
	PrepareException func(ctx context.Context, tx Transaction, cause *TransactionError) error
	// Transactions are what a run of a task without Process produces. They are ranged over on a goroutine of their own, which
	// ctx tells of the end of the run.
	Transactions func(ctx context.Context) iter.Seq2[Transaction, error]

	// Execute, where set, is what a run does, in place of one consuming or producing loop.
	Execute func(ctx context.Context, run TaskRun) error
	// Exit runs once after the loop has ended, before anything is closed.
	Exit func(ctx context.Context) error

	identity string // what ids of outputs derive from, besides the inbound one; "" for nothing else
	codec    *codec // shared with the functions that were made of a typed task
	making   bool   // nobody but the decorators that it is made with has it yet
	faults   []error
}

// Decorator changes a task when it is made: wraps its functions, sets its codec.
type Decorator func(Task) Task

// Kind returns what the task is: "consumer", "producer", "hybrid", or "custom" where it is nothing but its Execute.
func (t Task) Kind() string {
	switch {
	case t.Process != nil && t.Prepare != nil:
		return "hybrid"
	case t.Process != nil:
		return "consumer"
	case t.Prepare != nil:
		return "producer"
	default:
		return "custom"
	}
}

// WithIdentity returns a task whose outputs have ids that derive from identity as well, see [TaskConfig.OutputIdentity]. It is
// for workers.
func (t Task) WithIdentity(identity string) Task {
	t.identity = identity
	return t
}

// Validate reports what is wrong with how the task was made, all faults at once; nil means it can run.
func (t Task) Validate() error {
	errs := t.faults
	if t.Process == nil && t.Prepare == nil && t.Execute == nil && len(errs) == 0 {
		errs = append(errs, errors.New("task has no Process function; make it with ergon.Consume or set ergon.Task.Process"))
	}
	return errors.Join(errs...)
}
