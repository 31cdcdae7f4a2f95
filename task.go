package ergon

import (
	"context"
	"errors"
	"iter"
)

// Task has the untyped functions that the engine runs. At least one of Process, Prepare and Execute is set. The author of a task
// usually makes it with [Consume], [Produce] or [Hybrid]. Plain functions work as well:
//
//	ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) { … }}
//
// A nil function means that there is nothing to do in that step. Every function may be called concurrently.
type Task struct {
	// Process runs the business logic on one transaction. Success gets its result. A task that also has Prepare is a hybrid: the
	// result is a []Transaction, and these are prepared before Success runs.
	Process func(ctx context.Context, tx Transaction) (any, error)
	// Success runs after Process succeeded. If it fails permanently, Exception runs; Process does not run again.
	Success func(ctx context.Context, tx Transaction, result any) error
	// Exception runs after Process or Success failed permanently, and returns what happens to the transaction. Each call gets a
	// copy of the failure.
	Exception func(ctx context.Context, tx Transaction, cause *TransactionError) (Disposition, error)

	// Prepare dispatches one transaction that is produced. If Prepare returns nil, the transaction is durable.
	Prepare func(ctx context.Context, tx Transaction) error
	// PrepareSuccess runs after Prepare succeeded.
	PrepareSuccess func(ctx context.Context, tx Transaction) error
	// PrepareException runs after Prepare or PrepareSuccess failed permanently. Each call gets a copy of the failure.
	PrepareException func(ctx context.Context, tx Transaction, cause *TransactionError) error
	// Transactions yields what a run of a task without Process produces. It is ranged over on a goroutine of its own. ctx ends with
	// the run.
	Transactions func(ctx context.Context) iter.Seq2[Transaction, error]

	// Execute, if set, is what a run does instead of one consuming or producing loop.
	Execute func(ctx context.Context, run TaskRun) error
	// Exit runs once after the loop has ended, before anything is closed.
	Exit func(ctx context.Context) error

	identity string // what ids of outputs derive from, besides the inbound one; "" for nothing else
	codec    *codec // shared with the functions that were made of a typed task
	making   bool   // nobody but the decorators that it is made with has it yet
	faults   []error
}

// Decorator changes a task when it is made. For instance, it wraps the functions of the task or sets its codec.
type Decorator func(Task) Task

// Kind returns the kind of the task: "consumer", "producer", "hybrid", or "custom" for a task that has only Execute.
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

// WithIdentity returns a copy of the task with an identity, which becomes part of the ids of its outputs; see
// [TaskConfig.OutputIdentity]. It is for workers.
func (t Task) WithIdentity(identity string) Task {
	t.identity = identity
	return t
}

// Validate returns all faults that were found when the task was made, joined; nil means that the task can run.
func (t Task) Validate() error {
	errs := t.faults
	if t.Process == nil && t.Prepare == nil && t.Execute == nil && len(errs) == 0 {
		errs = append(errs, errors.New("task has no Process function; make it with ergon.Consume or set ergon.Task.Process"))
	}
	return errors.Join(errs...)
}
