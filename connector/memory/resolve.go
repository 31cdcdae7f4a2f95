package memory

import (
	"container/heap"
	"context"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// FetchTransactionByID delivers the first waiting or delayed transaction with that id. It is then in flight, as after a fetch,
// and must be settled. If the transaction is in flight already, it returns an error. It ignores rejected transactions. The cost
// grows with the length of the queue.
func (q *Queue) FetchTransactionByID(ctx context.Context, id string) (ergon.Transaction, error) {
	if ctx.Err() != nil {
		return ergon.Transaction{}, fmt.Errorf("memory: fetching transaction %s: %w", id, context.Cause(ctx))
	}
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ergon.Transaction{}, ErrClosed
	}
	q.expire(now)
	if it := q.takeByID(id); it != nil {
		q.arrived.raise() // who waits for something to come back has another time to wait for
		return q.send(it, new(receipt), now), nil
	}
	if q.inFlight.find(id) != nil {
		return ergon.Transaction{}, fmt.Errorf("memory: transaction %s is in flight; wait until it is settled", id)
	}
	return ergon.Transaction{}, fmt.Errorf("memory: transaction %q: %w", id, capability.ErrNotFound)
}

func (q *Queue) takeByID(id string) *item {
	if it := q.waiting.find(id); it != nil {
		q.waiting.remove(it)
		return it
	}
	for i, it := range q.returned {
		if it.transaction.ID() == id {
			heap.Remove(&q.returned, i)
			return it
		}
	}
	return q.lanes.takeByID(id)
}
