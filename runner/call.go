package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// call runs fn, code that is not ours, on a goroutine of its own: a panic or Goexit in it becomes an error. When ctx has
// ended, fn has patience to return; then it is given up, and what it still does is nobody's. Once it returns after that,
// late is called on its goroutine; nil: nothing is. The error's methods have been called: see hear.
func call(ctx context.Context, patience time.Duration, fn func(context.Context) error, late func()) error {
	var claimed atomic.Bool
	done := make(chan error, 1)
	go func() {
		err := errGoexit
		defer func() {
			if p := recover(); p != nil {
				err = &crash{cause: panicked(p), stack: debug.Stack()}
			}
			err = hear(err)
			switch {
			case claimed.CompareAndSwap(false, true):
				done <- err
			case late != nil:
				late()
			}
		}()
		err = fn(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
	}
	if !claimed.CompareAndSwap(false, true) {
		return <-done
	}
	return fmt.Errorf("%w: %w", errGivenUp, context.Cause(ctx))
}

var (
	errGoexit  = errors.New("it ended its goroutine (runtime.Goexit, or a test's FailNow) and returned nothing")
	errGivenUp = errors.New("it has not returned and is given up")
)

// crash is a panic in code that is not ours.
type crash struct {
	cause error
	stack []byte
}

func (c *crash) Error() string { return c.cause.Error() }
func (c *crash) Unwrap() error { return c.cause }

// panicked shows errors and text, but of anything else only the type: it may be a payload.
func panicked(p any) error {
	switch p := p.(type) {
	case error:
		return fmt.Errorf("panic: %w", p)
	case string:
		return errors.New("panic: " + p)
	default:
		return fmt.Errorf("panic: a value of type %T", p)
	}
}
