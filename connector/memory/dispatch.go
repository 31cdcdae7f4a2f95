package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// DispatchTransactions appends the whole batch, or nothing of it. If [Settings.Capacity] is set, it waits for capacity for the
// whole batch until ctx ends; a batch above the capacity fails at once. A queue that deduplicates does not store transactions
// that it knows, and reports them. A *BatchError names conflicts if they are errors.
func (q *Queue) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	capacity := q.settings.Capacity
	if capacity > 0 && len(batch) > capacity {
		return fmt.Errorf("memory: %d transactions dispatched at once can never fit into a capacity of %d; "+
			"dispatch fewer at once or raise the capacity", len(batch), capacity)
	}
	in := q.enqueueing(batch)
	if err := q.await(ctx, &in); err != nil {
		return err
	}
	var failed failures
	for _, k := range in.known {
		if k.result == capability.Conflict && q.settings.OnConflict == capability.ConflictError {
			failed.add(k.at, ergon.Permanent(fmt.Errorf("memory: transaction %s: %w; the first one stands",
				batch[k.at].ID(), capability.ErrConflict)))
			continue
		}
		capability.ReportDispatch(ctx, batch[k.at], k.result)
	}
	return failed.err()
}

// await enqueues a batch as soon as there is room for all of it.
func (q *Queue) await(ctx context.Context, in *enqueueing) error {
	capacity := q.settings.Capacity
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("memory: dispatching %d transactions: %w", len(in.batch), context.Cause(ctx))
		}
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return ErrClosed
		}
		if capacity <= 0 || q.held()+len(in.batch) <= capacity {
			in.known = q.enqueue(*in, time.Now())
			q.mu.Unlock()
			return nil
		}
		left := q.left.wait()
		q.mu.Unlock()
		select {
		case <-left:
		case <-ctx.Done():
		}
	}
}

// enqueueing is a batch on its way into a queue.
type enqueueing struct {
	batch    []ergon.Transaction
	contents []content // of the batch, where the queue deduplicates
	known    []known
}

func (q *Queue) enqueueing(batch []ergon.Transaction) enqueueing {
	in := enqueueing{batch: batch}
	if q.settings.Dedup {
		in.contents = make([]content, len(batch))
		for i := range batch {
			in.contents[i] = contentOf(batch[i])
		}
	}
	return in
}

// enqueue returns what the queue knew.
func (q *Queue) enqueue(in enqueueing, now time.Time) []known {
	var all []known
	q.free.reserve(len(in.batch))
	for i, tx := range in.batch {
		var m *memo
		if in.contents != nil {
			stored, result, made := q.admit(tx, in.contents[i], now)
			if result != "" {
				all = append(all, known{i, result})
			}
			if made == nil {
				continue
			}
			tx, m = stored, made
		}
		it := q.free.take()
		it.queue, it.transaction, it.enqueuedAt, it.place, it.count, it.memo = q, tx, now, q.places, 0, m
		if q.settings.Order != capability.OrderNone {
			it.key = tx.OrderingKey()
		}
		q.places++
		q.waiting.pushBack(it)
	}
	q.arrived.raise()
	return all
}
