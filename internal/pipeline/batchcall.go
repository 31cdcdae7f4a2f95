package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/policy"
)

// batchCaller calls a connector for the items of a batch, with the retries of the settle policy. Calls that hang are bounded by
// Hanging, and a delay that an error asks for excuses whoever waits for it. Safe for concurrent use.
type batchCaller struct {
	retry   policy.Retry
	hanging *Hanging
	stall   *stallDetector
}

// call calls do with the indices of the items that are left, until none is, and returns the error of each item that failed permanently.
// A stale delivery is not tried again, nor is an item that was refused. clean means that the first call did all items, so nobody
// holds on to what it was given. name is that of the span.
func (c *batchCaller) call(
	ctx context.Context, name string, b *retriedBatch, do func(context.Context, []int) error,
) (failed itemErrors, clean bool) {
	_, err := ergon.RunFn(ctx, c.retry, func(ctx context.Context) (struct{}, error) {
		if first := b.first.Swap(nil); first != nil {
			return first.Adopt(ctx)
		}
		return struct{}{}, c.attempt(ctx, b, do)
	}, ergon.SpanName(name))
	if first := b.first.Swap(nil); first != nil { // no attempt adopted it
		first.Drop()
	}
	return b.close(err)
}

// attempt makes one attempt of what is left.
func (c *batchCaller) attempt(ctx context.Context, b *retriedBatch, do func(context.Context, []int) error) error {
	if err := c.hanging.enter(b.purpose); err != nil {
		return err
	}
	defer c.hanging.leave(b.purpose)
	for {
		round, left := b.begin()
		err := foreign.ReadBatch(do(ctx, left), len(left))
		c.stall.expectDelayOf(err)
		more, err := b.end(round, err)
		if !more {
			return err
		}
	}
}

// errBehind is the error of an item of a partition that is settled in order, of which an item before it has failed.
var errBehind = errors.New("not settled, because a transaction before it in its partition is not")

// retriedBatch is a batch that is tried again without those of its items that are done.
type retriedBatch struct {
	purpose int                                   // what the connector is called for
	lanes   []*window                             // of items that the source settles in order: their partitions; nil otherwise
	first   atomic.Pointer[inline.Call[struct{}]] // the first attempt if a worker has made it and no other has adopted it

	mu     sync.Mutex // guards what follows: an attempt that was given up may end while the next one runs
	round  int        // the attempt whose end counts
	left   []int      // items that are not done
	failed itemErrors // stale, refused, or the last error
}

func newRetriedBatch(purpose, n int) *retriedBatch {
	b := &retriedBatch{purpose: purpose, failed: itemErrors{}, left: make([]int, n)}
	for i := range b.left {
		b.left[i] = i
	}
	return b
}

func (b *retriedBatch) begin() (round int, left []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.round++
	return b.round, b.left
}

// end notes which items an attempt did. It returns nil if none is left to be tried again. more reports whether others are to be called
// for at once, of partitions that are settled in order: those behind an item that the source has taken back.
func (b *retriedBatch) end(round int, err error) (more bool, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	batch, partial := errors.AsType[*ergon.BatchError](err)
	if round != b.round || (err != nil && !partial) {
		return false, err
	}
	var left, behind []int
	var blocked map[*window]bool
	final := false // an item failed that is not tried again, and that is not the source's
	for at, i := range b.left {
		var failure error
		if partial {
			failure = batch.Failures[at]
		}
		delete(b.failed, i)
		if failure == nil {
			if len(blocked) > 0 && blocked[b.lanes[i]] {
				behind = append(behind, i)
			}
			continue
		}
		b.failed[i] = failure
		stale := errors.Is(failure, capability.ErrStaleDelivery)
		if b.lanes != nil {
			blocked = with(blocked, b.lanes[i])
			final = final || refused(failure)
		}
		if !stale && !refused(failure) {
			left = append(left, i)
		}
	}
	more = len(left) == 0 && len(behind) > 0 && !final
	b.left = left
	if len(behind) > 0 {
		b.left = slices.Concat(left, behind)
		slices.Sort(b.left)
	}
	switch {
	case final: // trying again is pointless, for the items behind it as well
		return false, ergon.Permanent(err)
	case len(b.left) == 0:
		return false, nil
	default:
		return more, err
	}
}

func with(set map[*window]bool, w *window) map[*window]bool {
	if set == nil {
		set = map[*window]bool{}
	}
	set[w] = true
	return set
}

// close returns the error of each item that failed permanently: err if it has none of its own. The end of an attempt that is late does
// not count any more.
func (b *retriedBatch) close(err error) (failed itemErrors, clean bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	clean = err == nil && b.round == 1
	b.round++
	if err != nil {
		for _, i := range b.left {
			switch {
			case b.failed[i] != nil:
			case b.lanes != nil:
				b.failed[i] = fmt.Errorf("%w: %v", errBehind, err) //nolint:errorlint // what is true of the other is not of this one
			default:
				b.failed[i] = err
			}
		}
	}
	return b.failed, clean
}

// refused reports whether err says that trying again is pointless.
func refused(err error) bool {
	return ergon.CategoryOf(err) == ergon.CategoryBusiness || (&ergon.TransactionError{Err: err}).IsPermanent()
}

// pick returns the items at indices.
func pick[T any](all []T, indices []int) []T {
	if len(indices) == len(all) {
		return all
	}
	picked := make([]T, len(indices))
	for i, at := range indices {
		picked[i] = all[at]
	}
	return picked
}

// itemErrors are the errors of the items of a batch that failed permanently.
type itemErrors map[int]error

// of are the flights of such items. items are the indices of their flights in batch.
func (e itemErrors) of(batch []*flight, items []int) failedFlights {
	var u failedFlights
	for _, i := range slices.Sorted(maps.Keys(e)) {
		u.add(batch[items[i]], e[i])
	}
	return u
}

// failedFlights are flights for which something failed permanently, in order, their errors, and the first of these.
type failedFlights struct {
	flights []*flight
	errs    []error
	err     error // nil for no flights
}

func (u *failedFlights) join(more failedFlights) {
	for i, f := range more.flights {
		u.add(f, more.errs[i])
	}
}

func (u *failedFlights) add(f *flight, err error) {
	if u.err == nil {
		u.err = err
	}
	u.flights, u.errs = append(u.flights, f), append(u.errs, err)
}
