package pipeline

import (
	"context"
	"errors"
	"math/bits"
	"sync/atomic"

	"github.com/ergon-go/ergon"
)

// apart has do, which is tried so often, find out which items of a batch are at fault where a store fails the batch as a whole: when
// it says that trying again is pointless, or at the last attempt. It halves the batch, in the time of that attempt. Where nothing
// of it can be written, the store is at fault, and the error is the first one. [S2]
func apart(attempts int, do func(context.Context, []int) error) func(context.Context, []int) error {
	var calls atomic.Int32
	return func(ctx context.Context, items []int) error {
		last := int(calls.Add(1)) >= attempts
		err := do(ctx, items)
		if err == nil || len(items) < 2 || isPartial(err) || !last && !refused(err) {
			return err
		}
		h := halving{do: do, failures: map[int]error{}, most: bits.Len(uint(len(items))) + 2}
		h.halve(ctx, 0, items)
		if !h.written && !refused(err) {
			return err
		}
		return h.err()
	}
}

func isPartial(err error) bool {
	_, partial := errors.AsType[*ergon.BatchError](err)
	return partial
}

// halving looks for the items at fault of a batch.
type halving struct {
	do       func(context.Context, []int) error
	failures map[int]error // by the place in the batch
	alone    []int         // places of those that failed by themselves
	written  bool          // some of them
	row      int           // failures in a row of which none was a refusal
	most     int           // of them: more are an outage
}

func (h *halving) halve(ctx context.Context, from int, items []int) {
	middle := len(items) / 2
	h.try(ctx, from, items[:middle])
	h.try(ctx, from+middle, items[middle:])
}

func (h *halving) try(ctx context.Context, from int, items []int) {
	err := context.Cause(ctx)
	if err == nil {
		err = h.do(ctx, items)
	}
	if batch, partial := errors.AsType[*ergon.BatchError](err); partial {
		for at, failure := range batch.Failures {
			h.failures[from+at] = failure
		}
		h.written = h.written || len(batch.Failures) < len(items)
		return
	}
	if err == nil {
		h.written, h.row = true, 0
		return
	}
	if !refused(err) {
		h.row++
	}
	switch {
	case len(items) > 1 && ctx.Err() == nil && h.row <= h.most:
		h.halve(ctx, from, items)
		return
	case len(items) == 1 && ctx.Err() == nil:
		h.alone = append(h.alone, from)
	}
	for at := range items {
		h.failures[from+at] = err
	}
}

// err says that trying again is pointless of those that failed alone while others were written.
func (h *halving) err() error {
	if h.written {
		for _, at := range h.alone {
			h.failures[at] = ergon.Permanent(h.failures[at])
		}
	}
	if len(h.failures) == 0 {
		return nil
	}
	return &ergon.BatchError{Failures: h.failures}
}
