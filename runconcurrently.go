package ergon

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Limits bounds [RunConcurrently].
type Limits struct {
	// Value is the maximum number of calls in progress, from 1 to 2^29. Required.
	Value int
	// Timeout is the hard bound of one call; 0 means none.
	Timeout time.Duration
	// Limit is the maximum number of inputs that are taken; 0 means all.
	Limit int
}

// Result is the outcome of one input.
type Result[Out any] struct {
	// Index is the position of the input, from 0. It is -1 for an error that belongs to no input.
	Index int
	// Value is what the call returned; the zero value if it failed.
	Value Out
	// Err is nil if the call succeeded. For an input it is a *TransactionError.
	Err error
}

// RunConcurrently calls fn for each of inputs and yields the results in the order of completion. It works while the results are
// ranged over. If the caller ranges over them again, all calls are made again.
//
// The maximum number of calls in progress is limits.Value. An input is read only when a call can start, and results wait in a
// small buffer. So memory does not grow with the number of inputs. Timeouts, panics and Goexit are treated as by [RunFn]. To
// retry, call RunFn in fn.
//
// When ctx ends, no further input is taken, and calls in progress are abandoned. A last Result with Index -1 says that inputs may
// be missing. RunConcurrently does not wait for inputs that block, and runs nothing that they yield later. A break out of the
// range cancels the rest and waits for nothing.
//
// An abandoned call that ignores its context may still run. RunConcurrently tolerates limits.Value abandoned calls. If one more
// call must be abandoned, RunConcurrently waits up to limits.Timeout for an abandoned call to return. If none returns, a Result
// with Index -1 reports it, and the sequence ends. Invalid limits are a single Result with Index -1. One call costs 3 to 5 µs.
func RunConcurrently[In, Out any](
	ctx context.Context, limits Limits, inputs iter.Seq[In], fn func(context.Context, In) (Out, error),
) iter.Seq[Result[Out]] {
	return func(yield func(Result[Out]) bool) {
		if err := limits.validate(inputs == nil, fn == nil); err != nil {
			yield(Result[Out]{Index: -1, Err: err})
			return
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(errRangeEnded)
		p := newPool[Out](limits)
		defer p.stop()
		unwatch := context.AfterFunc(ctx, func() { p.close(ended(ctx).of()) })
		defer unwatch()
		go feed(ctx, p, inputs, fn)
		for result := range p.results {
			if !yield(result) {
				return
			}
		}
		if p.failed != nil {
			yield(Result[Out]{Index: -1, Err: p.failed})
		}
	}
}

// maxInFlight is a limit whose double is an int on every machine.
const maxInFlight = 1 << 29

var errRangeEnded = errors.New("the range over the results has ended")

func (c Limits) validate(noInputs, noFunction bool) error {
	var errs []error
	if c.Value < 1 {
		errs = append(errs, fmt.Errorf("ergon.RunConcurrently: Value is %d, must be at least 1 (nothing could run)", c.Value))
	}
	if c.Value > maxInFlight {
		errs = append(errs, fmt.Errorf("ergon.RunConcurrently: Value is %d, must be at most %d", c.Value, maxInFlight))
	}
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("ergon.RunConcurrently: Timeout is %s, must not be negative (0 means none)", c.Timeout))
	}
	if c.Limit < 0 {
		errs = append(errs, fmt.Errorf("ergon.RunConcurrently: Limit is %d, must not be negative (0 means all)", c.Limit))
	}
	if noInputs {
		errs = append(errs, errors.New("ergon.RunConcurrently was given no inputs"))
	}
	if noFunction {
		errs = append(errs, errors.New("ergon.RunConcurrently was given no function"))
	}
	return errors.Join(errs...)
}
