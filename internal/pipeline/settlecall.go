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
}

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
	err := do(ctx, rest)
	if len(failures) == 0 {
		return err
	}
	return joinFailures(err, failures, places)
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
