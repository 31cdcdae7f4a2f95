package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
)

// DispatchTransactions puts all of batch behind what waits, or none of it. Where Settings.Capacity bounds the queue it
// waits for room for all of batch until ctx ends; a batch larger than the capacity fails at once.
func (q *Queue) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	capacity := q.settings.Capacity
	if capacity > 0 && len(batch) > capacity {
		return fmt.Errorf("memory: %d transactions dispatched at once can never fit into a capacity of %d; "+
			"dispatch fewer at once or raise the capacity", len(batch), capacity)
	}
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("memory: dispatching %d transactions: %w", len(batch), context.Cause(ctx))
		}
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return ErrClosed
		}
		if capacity <= 0 || q.held()+len(batch) <= capacity {
			q.enqueue(batch, time.Now())
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

func (q *Queue) enqueue(batch []ergon.Transaction, now time.Time) {
	q.free.reserve(len(batch))
	for i := range batch {
		it := q.free.take()
		it.queue, it.transaction, it.enqueuedAt, it.place, it.count = q, batch[i], now, q.places, 0
		q.places++
		q.waiting.pushBack(it)
	}
	q.arrived.raise()
}
