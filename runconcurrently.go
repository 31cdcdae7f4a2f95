package ergon

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Limits bounds what [RunConcurrently] does.
type Limits struct {
	// Value is how many calls are in flight at most. From 1 to 2^29.
	Value int
	// Timeout is the hard bound of one call; 0 means none.
	Timeout time.Duration
	// Limit is how many inputs are taken at most; 0 means all.
	Limit int
}

// Result is what became of one input.
type Result[Out any] struct {
	// Index is the position of the input, from 0; -1 for an error that is none of an input's.
	Index int
	// Value is what the call returned; the zero value where it failed.
	Value Out
	// Err is nil or, for an input, a *TransactionError.
	Err error
}

// RunConcurrently calls fn for each of inputs and returns the results in the order of completion. It works while the
// results are ranged over, and again each time that they are.
//
// At most limits.Value calls are in flight; an input is taken when there is room for it, and room that is freed is used at
// once, so memory does not grow with the number of inputs. Results that nobody has taken yet are few; then no input is
// taken either. Timeouts, panics and Goexit are treated as by [RunFn], which may be called in fn for retries.
//
// When ctx ends no further input is taken, calls in flight are given up, and a last Result with Index -1 says that inputs
// may be missing; inputs that block are not waited for, and what they yield then is not run. To break out of the range
// cancels the rest and waits for nothing. A call that was given up but still runs, because it ignores its context, is
// borne with: as many as limits.Value of them. When one more would be needed, and none returns within another
// limits.Timeout, the Result with Index -1 says so and it ends. Limits that are not valid are a single Result with Index -1.
// One call costs 3 to 5 µs.
func RunConcurrently[In, Out any](
	ctx context.Context, limits Limits, inputs iter.Seq[In], fn func(context.Context, In) (Out, error),
) iter.Seq[Result[Out]] {
	return func(yield func(Result[Out]) bool) {
		if err := limits.validate(inputs == nil, fn == nil); err != nil {
			yield(Result[Out]{Index: -1, Err: err})
			return
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(errResultsLeft)
		p := newPool[Out](limits)
		defer p.leave()
		stop := context.AfterFunc(ctx, func() { p.end(ended(ctx).of()) })
		defer stop()
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

// maxInFlight keeps twice the number an int on every machine.
const maxInFlight = 1 << 29

var errResultsLeft = errors.New("the results are no longer ranged over")

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
