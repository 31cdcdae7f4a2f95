package ergon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ergon-go/ergon/internal/attempt"
)

// call is one call of a function that is given up at its deadline, whether or not the function has returned by then. What the
// function returns belongs to the caller or, if it was given up, to the receiver of late results.
type call[T any] struct {
	attempt.Call

	fn   func(context.Context) (T, error)
	late func(any, error)

	// The function's goroutine sets these before it delivers them.
	result T
	failed *failure
}

// callers lend what callers wait with. It holds no state of a call, and is shared because RunFn has no other place to keep it:
// decision 0110.
var callers = attempt.NewCallers(ErrAttemptTimeout) //nolint:gochecknoglobals // as above

// failure is why an attempt failed, and what its caller must know of the error. It is read on the attempt's goroutine, because methods
// of a foreign error may panic or hang [F1].
type failure struct {
	TransactionError

	permanent bool
	after     time.Duration
	delayed   bool
	saysEnd   bool // the error says already that the context has ended
}

// callWithin calls fn on a goroutine of its own and returns what it returned, or a failure as soon as timeout is over
// (0: none) or ctx has ended. The context of fn ends then, with ErrAttemptTimeout or the cause of ctx, and what
// fn returns after that goes to late, unless it is nil.
func callWithin[T any](
	ctx context.Context, timeout time.Duration, fn func(context.Context) (T, error), late func(any, error),
) (T, *failure) {
	c := &call[T]{fn: fn, late: late}
	c.Begin(ctx, callers, timeout)
	go c.run()
	if c.Wait() {
		return c.result, c.failed
	}
	var none T
	return none, expired(ctx, timeout)
}

// run is the goroutine of the call. What follows fn is deferred, so that it also runs after a panic or a Goexit.
func (c *call[T]) run() {
	var err error
	returned := false
	defer func() {
		if !returned {
			c.failed = crashed(recover())
			err = &c.failed.TransactionError
		}
		if !c.Deliver() && c.late != nil {
			reportLate(&c.Call, c.late, c.result, err)
		}
	}()
	c.result, err = c.fn(&c.Call)
	c.failed = failureOf(&c.Call, err) // here, because methods of a foreign error may panic as well
	returned = true
}

// of is what RunFn returns; nil for nil.
func (f *failure) of() *TransactionError {
	if f == nil {
		return nil
	}
	return &f.TransactionError
}

func reportLate(ctx context.Context, late func(any, error), result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			failed := crashed(p)
			defer func() { _ = recover() }() // of a log handler
			slog.Default().ErrorContext(ctx, "ergon: OnLateResult panicked", "error", failed.Err, "stack", string(failed.Stack))
		}
	}()
	late(result, err)
}

// expired is the failure of an attempt that was given up, because ctx had ended or else its own timeout was over.
func expired(ctx context.Context, timeout time.Duration) *failure {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	err := fmt.Errorf("%w: no result within %s", ErrAttemptTimeout, timeout)
	return &failure{TransactionError: TransactionError{Category: CategoryTimeout, Attempts: 1, Err: err}}
}

// ended is the failure of what cannot continue because ctx has ended. It is TIMEOUT only if Ergon set that deadline.
func ended(ctx context.Context) *failure {
	err, cause := ctx.Err(), context.Cause(ctx)
	failed := &failure{TransactionError: TransactionError{Category: CategorySystem, Err: cause}, saysEnd: true}
	if !errors.Is(cause, err) {
		failed.Err, failed.saysEnd = fmt.Errorf("%w: %w", err, cause), false
	}
	if _, ok := errors.AsType[*timeoutError](cause); ok {
		failed.Category = CategoryTimeout
	}
	return failed
}

// failureOf returns err, with which an attempt with this context failed, as what RunFn reports; nil for nil. An error that has
// only a category, a cause and a stack is not wrapped again.
func failureOf(ctx context.Context, err error) *failure {
	if err == nil {
		return nil
	}
	failed := &failure{TransactionError: TransactionError{Category: CategoryOf(err), Attempts: 1, Err: err}}
	inner, ok := errors.AsType[*TransactionError](err)
	if ok && inner != nil {
		failed.Stack = inner.Stack
		if err == error(inner) && inner.isBare() { //nolint:errorlint // it itself, not what wraps it
			failed.Err = inner.Err
		}
	}
	_ = err.Error()
	failed.permanent = isPermanent(failed.Err)
	failed.after, failed.delayed = retryDelayOf(failed.Err)
	if ctx.Err() != nil {
		failed.saysEnd = errors.Is(err, ended(ctx).Err)
	}
	return failed
}

// isBare reports whether e says no more than a category, a cause and a stack.
func (e *TransactionError) isBare() bool {
	return e.Phase == "" && e.TransactionID == "" && e.First == nil && e.Err != nil
}
