package pipeline

import (
	"context"
	"errors"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// settleCall is a call that settles deliveries.
type settleCall struct {
	batch  []*flight
	cancel context.CancelCauseFunc
	cut    bool // a revocation did not wait for it any longer; deliveries.mu guards it
}

// errCut is the error of an item whose call was cancelled for the sake of others of its batch. It is tried again.
var errCut = errors.New("the call was cancelled, because the source took back other deliveries of its batch")

// send settles those of a batch that are left with the source, by do. Those that were taken back are stale.
func (t *turns) send(
	ctx context.Context, batch []*flight, items, left []int, do func(context.Context, []int) error,
) error {
	if t == nil {
		return do(ctx, left)
	}
	failures := map[int]error{}
	var rest, places []int
	t.table.mu.Lock()
	for place, i := range left {
		if batch[items[i]].held.fate == fateFenced {
			failures[place] = capability.ErrStaleDelivery
			continue
		}
		rest, places = append(rest, i), append(places, place)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	call := &settleCall{batch: batch, cancel: cancel}
	t.table.calls[call] = true
	t.table.mu.Unlock()
	defer func() {
		t.table.mu.Lock()
		defer t.table.mu.Unlock()
		delete(t.table.calls, call)
	}()
	if len(rest) == 0 {
		return &ergon.BatchError{Failures: failures}
	}
	err := t.ofCall(call, items, rest, do(ctx, rest))
	if len(failures) == 0 {
		return err
	}
	return joinFailures(err, failures, places)
}

// ofCall returns the error of a call for the items at rest. If the call was cut short, only those that were taken back are stale.
func (t *turns) ofCall(call *settleCall, items, rest []int, err error) error {
	if _, partial := errors.AsType[*ergon.BatchError](err); err == nil || partial {
		return err
	}
	t.table.mu.Lock()
	defer t.table.mu.Unlock()
	if !call.cut {
		return err
	}
	failures := map[int]error{}
	for place, i := range rest {
		failures[place] = errCut
		if call.batch[items[i]].held.fate == fateFenced {
			failures[place] = capability.ErrStaleDelivery
		}
	}
	return &ergon.BatchError{Failures: failures}
}

// joinFailures adds what a call said of the items at places to the failures of the others.
func joinFailures(err error, failures map[int]error, places []int) error {
	batch, partial := errors.AsType[*ergon.BatchError](err)
	for i, place := range places {
		failure := err
		if partial {
			failure = batch.Failures[i]
		}
		if failure != nil {
			failures[place] = failure
		}
	}
	return &ergon.BatchError{Failures: failures}
}

// retried makes the batch of calls that tell the source of items, which are the indices of their flights in batch.
func (t *turns) retried(purpose int, batch []*flight, items []int) *retriedBatch {
	b := newRetriedBatch(purpose, len(items))
	if t.inOrder() {
		b.lanes = make([]*window, len(items))
		for i, at := range items {
			b.lanes[i] = batch[at].held.window
		}
	}
	return b
}
