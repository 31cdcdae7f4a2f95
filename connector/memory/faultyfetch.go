package memory

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
)

// FetchTransactions fetches from the queue, with the faults of the script. Stalls and failures of the whole call occur before
// anything is taken from the queue, and other faults afterwards.
func (q *FaultyQueue) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	call := q.script.begin(OnFetch)
	early := func(f Fault) bool { return len(f.ids) == 0 && (f.kind == stall || f.kind == fail) }
	for _, f := range q.script.due(OnFetch, call, nil, early) {
		if f.kind == fail {
			return nil, fmt.Errorf("memory: fetch: %w", f.err)
		}
		var err error
		if ctx, err = f.hold(ctx); err != nil {
			return nil, err
		}
	}
	batch, err := q.Queue.FetchTransactions(ctx, limit)
	if err != nil || len(batch) == 0 {
		return batch, err
	}
	late := func(f Fault) bool { return !early(f) }
	for _, f := range q.script.due(OnFetch, call, batch, late) {
		if batch, err = q.applyFetched(ctx, f, call, limit, batch); err != nil {
			return nil, err
		}
	}
	return batch, nil
}

func (q *FaultyQueue) applyFetched(ctx context.Context, f Fault, call, limit int, batch []ergon.Transaction) (
	[]ergon.Transaction, error,
) {
	switch f.kind {
	case stall:
		if _, err := f.hold(ctx); err != nil {
			q.takeBackAll(batch, true)
			return nil, err
		}
	case fail:
		q.takeBackAll(batch, true)
		return nil, fmt.Errorf("memory: fetch: %w", f.err)
	case loseReply:
		q.takeBackAll(batch, false)
		return nil, fmt.Errorf("memory: fetch: reply lost: %w", f.err)
	case dropDelivery:
		for _, t := range batch {
			if f.concerns(t.ID()) {
				q.takeBack(t, false)
			}
		}
	case duplicate:
		return q.duplicated(f, limit, batch), nil
	case overDeliver:
		return q.overDelivered(f.amount, batch), nil
	default: // reorder; the rest are faults of other operations
		shuffle(batch, f.seed, uint64(call))
	}
	return batch, nil
}

func (q *FaultyQueue) takeBackAll(batch []ergon.Transaction, uncounted bool) {
	for _, t := range batch {
		q.takeBack(t, uncounted)
	}
}

// duplicated delivers again what the fault is for. What does not fit goes back to the queue.
func (q *FaultyQueue) duplicated(f Fault, limit int, batch []ergon.Transaction) []ergon.Transaction {
	limit = max(limit, len(batch)) // an earlier fault may have delivered more
	var doubled []ergon.Transaction
	for _, t := range batch {
		doubled = append(doubled, t)
		if !f.concerns(t.ID()) {
			continue
		}
		if again, ok := q.deliverAgain(t); ok {
			doubled = append(doubled, again)
		}
	}
	if len(doubled) > limit {
		q.takeBackAll(doubled[limit:], true)
		doubled = doubled[:limit]
	}
	return doubled
}

// deliverAgain makes one more delivery of what t delivered. The queue holds one transaction more then.
func (q *Queue) deliverAgain(t ergon.Transaction) (ergon.Transaction, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it, err := q.delivered(t)
	if err != nil {
		return t, false
	}
	q.free.reserve(1)
	copied := q.free.take()
	copied.queue, copied.transaction, copied.enqueuedAt, copied.place, copied.count = q, it.transaction, it.enqueuedAt, it.place, it.count
	return q.send(copied, new(receipt), time.Now()), true
}

// overDelivered adds up to n more transactions to a batch, without waiting for any.
func (q *Queue) overDelivered(n int, batch []ergon.Transaction) []ergon.Transaction {
	if n < 1 {
		return batch
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	more, err := q.deliver(n, time.Now())
	if err != nil { // closed since: there is nothing more, and the next call says so
		return batch
	}
	return append(batch, more...)
}

// shuffle brings a batch of two or more into another order.
func shuffle(batch []ergon.Transaction, seed, call uint64) {
	before := slices.Clone(batch)
	rand.New(rand.NewPCG(seed, call)).Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	same := func(a, b ergon.Transaction) bool { return a.Delivery().Receipt == b.Delivery().Receipt }
	if slices.EqualFunc(batch, before, same) && len(batch) > 1 {
		batch[0], batch[1] = batch[1], batch[0]
	}
}
