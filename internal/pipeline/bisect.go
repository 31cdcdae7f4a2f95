package pipeline

import (
	"context"
	"errors"
	"math/bits"
	"sync/atomic"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
)

// bisect wraps do, which is attempted so many times, to find the items at fault if a store fails a batch as a whole: at the last attempt,
// or earlier if the store refuses the batch permanently. It halves the batch, within the time of that attempt. If no item can be written,
// the store is at fault, and the first error is returned. Decision 0082. [S2]
func bisect(attempts int, do func(context.Context, []int) error) func(context.Context, []int) error {
	var calls atomic.Int32
	return func(ctx context.Context, items []int) error {
		last := int(calls.Add(1)) >= attempts
		err := foreign.CheckBatch(do(ctx, items), len(items))
		if err == nil || len(items) < 2 || isPartial(err) || !last && !refused(err) {
			return err
		}
		b := bisection{do: do, failures: map[int]error{}, maxInARow: bits.Len(uint(len(items))) + 2}
		b.halve(ctx, 0, items)
		if !b.written && !refused(err) {
			return err
		}
		return b.err()
	}
}

func isPartial(err error) bool {
	_, partial := errors.AsType[*ergon.BatchError](err)
	return partial
}

// bisection is the search for the items at fault. One goroutine owns it.
type bisection struct {
	do        func(context.Context, []int) error
	failures  map[int]error // by place in the batch
	single    []int         // places of items that failed in a call of their own
	written   bool          // at least one item was written
	inARow    int           // failures since the last success, without refusals
	maxInARow int           // more of them are an outage: the search ends
}

func (b *bisection) halve(ctx context.Context, from int, items []int) {
	middle := len(items) / 2
	b.try(ctx, from, items[:middle])
	b.try(ctx, from+middle, items[middle:])
}

func (b *bisection) try(ctx context.Context, from int, items []int) {
	err := context.Cause(ctx)
	if err == nil {
		err = foreign.CheckBatch(b.do(ctx, items), len(items))
	}
	if batch, partial := errors.AsType[*ergon.BatchError](err); partial {
		for at, failure := range batch.Failures {
			b.failures[from+at] = failure
		}
		b.written = b.written || len(batch.Failures) < len(items)
		return
	}
	if err == nil {
		b.written, b.inARow = true, 0
		return
	}
	if !refused(err) {
		b.inARow++
	}
	switch {
	case len(items) > 1 && ctx.Err() == nil && b.inARow <= b.maxInARow:
		b.halve(ctx, from, items)
		return
	case len(items) == 1 && ctx.Err() == nil:
		b.single = append(b.single, from)
	}
	for at := range items {
		b.failures[from+at] = err
	}
}

// err marks as permanent the items that failed in a call of their own while others were written.
func (b *bisection) err() error {
	if b.written {
		for _, at := range b.single {
			b.failures[at] = ergon.Permanent(b.failures[at])
		}
	}
	if len(b.failures) == 0 {
		return nil
	}
	return &ergon.BatchError{Failures: b.failures}
}
