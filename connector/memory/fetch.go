package memory

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
)

// minPause is between two looks where something is due and yet could not be delivered.
const minPause = 10 * time.Millisecond

// FetchTransactions delivers up to limit transactions. If there is none, it waits up to [Settings.MaxWait] until one is
// dispatched or due. It costs two allocations for each call and one for each transaction.
func (q *Queue) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	now := time.Now()
	giveUp := now.Add(q.settings.MaxWait)
	for {
		if err := checkFetch(ctx, limit); err != nil {
			return nil, err
		}
		q.mu.Lock()
		batch, err := q.deliver(limit, now)
		if len(batch) > 0 || err != nil || !now.Before(giveUp) {
			q.mu.Unlock()
			return batch, err
		}
		arrived, next := q.arrived.wait(), q.nextDue(giveUp)
		q.mu.Unlock()
		pause(ctx, arrived, cmp.Or(max(next.Sub(now), 0), minPause))
		now = time.Now()
	}
}

func checkFetch(ctx context.Context, limit int) error {
	if limit < 1 {
		return fmt.Errorf("memory: fetch of %d transactions: the limit must be at least 1", limit)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("memory: fetching: %w", context.Cause(ctx))
	}
	return nil
}

func pause(ctx context.Context, arrived <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-arrived:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (q *Queue) deliver(limit int, now time.Time) ([]ergon.Transaction, error) {
	if q.closed {
		return nil, ErrClosed
	}
	q.expire(now)
	if q.held() == 0 && q.settings.Finite {
		return nil, ergon.ErrExhausted
	}
	it := q.take(now)
	if it == nil {
		return nil, nil
	}
	limit = min(limit, 1+q.waiting.len+len(q.returned))
	batch := make([]ergon.Transaction, 0, limit)
	receipts := make([]receipt, limit) // one allocation for all; freed when the last of them is gone
	for {
		batch = append(batch, q.send(it, &receipts[len(batch)], now))
		if len(batch) == limit {
			return batch, nil
		}
		if it = q.take(now); it == nil {
			return batch, nil
		}
	}
}

// take removes the next item to be delivered: what was requeued and is due before what waits; nil for none. What has to wait
// for another of its ordering key is put aside.
func (q *Queue) take(now time.Time) *item {
	for {
		it := q.returned.take(now)
		if it == nil {
			if it = q.waiting.first; it == nil {
				return nil
			}
			q.waiting.remove(it)
		}
		if q.lanes.admit(it) {
			return it
		}
	}
}

// send puts an item in flight.
func (q *Queue) send(it *item, r *receipt, now time.Time) ergon.Transaction {
	r.item = it
	it.count++
	it.delivery = r
	if q.settings.MaxHold > 0 {
		it.heldUntil = now.Add(q.settings.MaxHold)
	}
	q.extend(it, now)
	q.inFlight.pushBack(it)
	d := ergon.Delivery{Receipt: r, Count: it.count, EnqueuedAt: it.enqueuedAt}
	if q.settings.SaysExpiry && q.expires() {
		d.ExpiresAt = it.due
	}
	return it.transaction.WithDelivery(d)
}

// extend sets when the delivery of an item expires: after its lease, and not after the longest hold.
func (q *Queue) extend(it *item, now time.Time) {
	switch end := now.Add(q.lease); {
	case q.leased && (q.settings.MaxHold <= 0 || end.Before(it.heldUntil)):
		it.due = end
	case q.settings.MaxHold > 0:
		it.due = it.heldUntil
	}
}

// nextDue is when something comes back by itself, at most limit.
func (q *Queue) nextDue(limit time.Time) time.Time {
	if len(q.returned) > 0 && q.returned[0].due.Before(limit) {
		limit = q.returned[0].due
	}
	if !q.expires() {
		return limit
	}
	for it := q.inFlight.first; it != nil; it = it.next {
		if it.due.Before(limit) {
			limit = it.due
		}
		if q.settings.MaxHold <= 0 { // the first expires first
			break
		}
	}
	return limit
}
