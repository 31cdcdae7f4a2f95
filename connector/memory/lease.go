package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

var _ capability.LeaseKeeper = (*LeasedQueue)(nil)

// LeasedQueue is a queue whose deliveries expire: a transaction that is not settled within its lease is requeued, and its
// delivery is stale from that moment on.
type LeasedQueue struct {
	*Queue
}

// NewLeased returns an open queue with leases. A lease of 0 or less expires at once.
func NewLeased(settings Settings, lease time.Duration) *LeasedQueue {
	q := New(settings)
	q.leased, q.lease = true, max(lease, 0)
	return &LeasedQueue{Queue: q}
}

// LeaseDuration returns how long a delivery lasts after a fetch or an extension.
func (q *LeasedQueue) LeaseDuration() time.Duration { return q.lease }

// ExtendLeases extends each delivery to LeaseDuration from now. A *BatchError names lost deliveries, with
// capability.ErrStaleDelivery. It never waits.
func (q *LeasedQueue) ExtendLeases(ctx context.Context, batch []ergon.Transaction) error {
	if ctx.Err() != nil {
		return fmt.Errorf("memory: extending %d leases: %w", len(batch), context.Cause(ctx))
	}
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.expire(now)
	var failures failures
	for i, t := range batch {
		it, err := q.delivered(t)
		if err != nil {
			failures.add(i, err)
			continue
		}
		q.extend(it, now)
		q.inFlight.remove(it)
		q.inFlight.pushBack(it)
	}
	return failures.err()
}
