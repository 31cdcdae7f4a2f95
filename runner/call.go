package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/internal/ask"
)

// call runs fn, which is foreign code, on a goroutine of its own. A panic or Goexit in it becomes an error. When ctx has ended,
// fn has patience to return; then call returns errGivenUp without it. If fn returns after that, late is called on its
// goroutine; nil: nothing is. The error has passed checkError.
func call(ctx context.Context, patience time.Duration, fn func(context.Context) error, late func()) error {
	var claimed atomic.Bool
	done := make(chan error, 1)
	go func() {
		err := errGoexit
		defer func() {
			if p := recover(); p != nil {
				err = &crash{cause: panicked(p), stack: debug.Stack()}
			}
			err = checkError(err)
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

// checkError calls the methods of a foreign error that the exit code, the summary and the log will call, within a bound. If one
// does not return or panics, it returns another error: see [ask.Error].
func checkError(err error) error {
	return ask.Error(err, func() {
		_ = exitCodeOf(err)
		_ = slog.AnyValue(err).Resolve()
	})
}

var (
	errGoexit  = errors.New("it ended its goroutine (runtime.Goexit, or a test's FailNow) and returned nothing")
	errGivenUp = errors.New("it has not returned and is given up")
)

// crash is a panic in foreign code.
type crash struct {
	cause error
	stack []byte
}

func (c *crash) Error() string { return c.cause.Error() }
func (c *crash) Unwrap() error { return c.cause }

// panicked is an error with the panic's value if that is an error or text, and otherwise with its type only: it may be a payload.
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
