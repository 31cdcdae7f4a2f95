package memory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

var errForeign = errors.New("the transaction did not come from this source")

// SettleTransactions settles each transaction separately. A *BatchError names settlements without effect, with
// capability.ErrStaleDelivery for a delivery that was settled before or that the queue has taken back. It never waits.
func (q *Queue) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	if ctx.Err() != nil {
		return fmt.Errorf("memory: settling %d transactions: %w", len(batch), context.Cause(ctx))
	}
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.expire(now)
	q.unconfirmed = q.unconfirmed[:0]
	var failures failures
	for i := range batch {
		if err := q.settle(&batch[i], now); err != nil {
			failures.add(i, err)
		}
	}
	q.left.raise()
	if len(q.returned) > 0 || q.waiting.len > 0 || q.settings.Finite {
		q.arrived.raise()
	}
	return failures.err()
}

func (q *Queue) settle(s *capability.Settlement, now time.Time) error {
	it, err := q.delivered(s.Transaction)
	if err != nil {
		return err
	}
	switch s.Action {
	case policy.SettleAck:
		q.unconfirm(it)
		q.drop(it, now)
	case policy.SettleReject:
		q.rejected = append(q.rejected, it.transaction)
		q.drop(it, now)
	case policy.SettleRequeue:
		q.requeue(it, s, now)
	default:
		return fmt.Errorf("memory: transaction %s: unknown settle action %d", s.Transaction.ID(), s.Action)
	}
	if q.settings.Record {
		q.settlements = append(q.settlements, *s)
	}
	return nil
}

// delivered returns the item in flight that a transaction is a delivery of.
func (q *Queue) delivered(t ergon.Transaction) (*item, error) {
	r, ok := t.Delivery().Receipt.(*receipt)
	if !ok || r.item.queue != q {
		return nil, fmt.Errorf("memory: transaction %s: %w", t.ID(), errForeign)
	}
	if r.item.delivery != r {
		return nil, fmt.Errorf("memory: transaction %s: %w", t.ID(), capability.ErrStaleDelivery)
	}
	return r.item, nil
}

// drop forgets an item in flight; its id is remembered for a while.
func (q *Queue) drop(it *item, now time.Time) {
	q.inFlight.remove(it)
	if it.memo != nil {
		q.ids.settle(it.memo, now.Add(q.settings.DedupWindow))
	}
	q.next(it)
	q.free.put(it)
	if q.free.len > keptItems && q.held() == 0 {
		q.free = pool{}
	}
}

func (q *Queue) requeue(it *item, s *capability.Settlement, now time.Time) {
	if s.Interrupted {
		it.count--
	}
	if s.Interrupted && s.Delay <= 0 {
		q.giveBack(it)
		return
	}
	q.inFlight.remove(it)
	it.delivery = nil
	if s.Delay > 0 {
		it.due = now.Add(s.Delay)
		q.returned.put(it)
		return
	}
	q.waiting.pushBack(it)
}

// failures collects the failed items of a batch; it allocates nothing while there are none.
type failures map[int]error

func (f *failures) add(i int, err error) {
	if *f == nil {
		*f = failures{}
	}
	(*f)[i] = err
}

func (f failures) err() error {
	if len(f) == 0 {
		return nil
	}
	return &ergon.BatchError{Failures: f}
}
