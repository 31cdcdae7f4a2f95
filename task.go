package ergon

import (
	"context"
	"errors"
)

// Task is what the engine runs: untyped functions, at least Process. A task author rarely writes one by hand but makes it
// with [Consume]; plain functions work all the same:
//
//	ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) { … }}
//
// A nil function means that there is nothing to do. Every function may be called concurrently.
type Task struct {
	// Process runs the business logic on one transaction. Its result is handed to Success.
	Process func(ctx context.Context, tx Transaction) (any, error)
	// Success runs after Process succeeded. Where it fails for good, Exception runs; Process does not run again.
	Success func(ctx context.Context, tx Transaction, result any) error
	// Exception runs after Process or Success failed for good and says what becomes of the transaction.
	Exception func(ctx context.Context, tx Transaction, cause *TransactionError) (Disposition, error)
	// Exit runs once after the loop has ended, before anything is closed.
	Exit func(ctx context.Context) error

	codec  *codec // shared with the functions that Consume made
	faults []error
}

// Decorator changes a task when it is made: wraps its functions, sets its codec.
type Decorator func(Task) Task

// Validate reports what is wrong with how the task was made, all faults at once; nil means it can run.
func (t Task) Validate() error {
	errs := t.faults
	if t.Process == nil && len(errs) == 0 {
		errs = append(errs, errors.New("task has no Process function; make it with ergon.Consume or set ergon.Task.Process"))
	}
	return errors.Join(errs...)
}
