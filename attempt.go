package ergon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/internal/fence"
)

// attempt is one call of a function that is given up at its deadline, whether or not the function has returned by then.
// Exactly one of two owns what the function returns: the caller, or the receiver of late results.
type attempt[T any] struct {
	start   time.Time
	limit   time.Duration // how long after start a result is too late
	claimed atomic.Bool   // whoever sets it decides whether the function was in time
	self    identity      // the parent of the function's context

	// The function's goroutine sets these before it claims.
	inTime bool
	result T
	failed *failure
}

// failure is why an attempt failed, and what else its caller has to know of it. It is read on the attempt's goroutine, because
// methods of an error that is not ours may panic or hang.
type failure struct {
	TransactionError

	permanent bool
	after     time.Duration
	delayed   bool
	saysEnd   bool // it says already that the context has ended
}

// callWithin calls fn on a goroutine of its own and returns what it returned, or a failure as soon as timeout is over
// (0: none) or ctx has ended. The context that fn gets ends then, with ErrAttemptTimeout or the cause of ctx, and what
// fn returns after that goes to late, where that is set.
func callWithin[T any](
	ctx context.Context, timeout time.Duration, fn func(context.Context) (T, error), late func(any, error),
) (T, *failure) {
	a := &attempt[T]{start: time.Now()}
	bounded, end := a.bound(ctx, timeout)
	go a.call(bounded, end, fn, late)
	<-bounded.Done() // fn has returned in time, or the time is over
	switch {
	case a.claimed.CompareAndSwap(false, true):
		a.self.givenUp.Store(true)
	case a.inTime:
		return a.result, a.failed
	}
	var none T
	return none, expired(ctx, timeout)
}

// of is what leaves RunFn; nil for nil.
func (f *failure) of() *TransactionError {
	if f == nil {
		return nil
	}
	return &f.TransactionError
}

// bound derives the context of the attempt. Where the deadline of ctx is not after the attempt's own, it is the one that
// counts.
func (a *attempt[T]) bound(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	a.self.Context, a.self.outer = ctx, fence.Of(ctx) //nolint:fatcontext // it is set once, and nests nothing
	a.limit = math.MaxInt64
	if deadline, ok := ctx.Deadline(); ok {
		a.limit = deadline.Sub(a.start)
	}
	if timeout <= 0 || a.limit <= timeout {
		return context.WithCancel(&a.self)
	}
	a.limit = timeout
	return context.WithDeadlineCause(&a.self, a.start.Add(timeout), ErrAttemptTimeout)
}

// call runs on the attempt's goroutine. What follows fn is deferred, so that it also runs after a panic or a Goexit.
func (a *attempt[T]) call(ctx context.Context, end context.CancelFunc, fn func(context.Context) (T, error), late func(any, error)) {
	var (
		result   T
		err      error
		failed   *failure
		returned bool
	)
	defer func() {
		if !returned {
			failed = crashed(recover())
			err = &failed.TransactionError
		}
		if a.deliver(result, failed) {
			end() // which the caller waits for
			return
		}
		reportLate(ctx, late, result, err)
	}()
	result, err = fn(ctx)
	failed = failureOf(ctx, err) // here, because methods of a foreign error may panic as well
	returned = true
}

// deliver leaves what fn returned to the caller, where it was in time and has not been given up. Where it was not in time, the
// end of ctx is due, and the caller waits for that: the clock may say so first.
func (a *attempt[T]) deliver(result T, failed *failure) bool {
	if time.Since(a.start) < a.limit {
		a.inTime, a.result, a.failed = true, result, failed
	}
	return a.claimed.CompareAndSwap(false, true) && a.inTime
}

func reportLate(ctx context.Context, late func(any, error), result any, err error) {
	if late == nil {
		return
	}
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

// ended is the failure of what cannot go on because ctx has ended. It is TIMEOUT only where Ergon set that deadline.
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

// failureOf returns err, with which an attempt with this context failed, as what RunFn reports; nil for nil. An error that says
// no more than a category, a cause and a stack is taken over as it is, so that nothing is said twice.
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
