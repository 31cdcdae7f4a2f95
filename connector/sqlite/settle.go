package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// What settles a delivery changes its item only while the delivery is the one that counts: its token is that of the last
// claim and its lease has not run out.
const (
	giveBack = `UPDATE items SET state = ?, due_at = ?, place = coalesce(?, place), ready_at = ?, lost = ?,
		deliveries = deliveries - ? WHERE seq = ? AND claims = ? AND state = 'claimed' AND due_at > ?`
	stillClaimed = `SELECT 1 FROM items WHERE seq = ? AND claims = ? AND state = 'claimed' AND due_at > ?`
)

// SettleTransactions settles a batch in one SQL transaction. A *BatchError names settlements without effect, with
// capability.ErrStaleDelivery for a delivery that was settled before or whose lease has expired.
//
// A transaction that is requeued as failed goes to the end of the queue. With a delay it waits and is then delivered before
// those that were dispatched after it. With an ordering key it keeps its place before others with the key. An interrupted
// transaction keeps its place. A rejected one becomes a dead letter in the same file.
func (q *Queue) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	var failed failures
	err := q.settling(ctx, "settle", func(t *tx, now int64, singly bool) error {
		failed = nil
		for i := 0; i < len(batch); {
			n, err := q.ackTogether(t, now, batch[i:], singly)
			if err == nil && n == 0 {
				var refused error
				n = 1
				refused, err = q.settle(t, now, &batch[i])
				failed.add(i, q.refusal(&batch[i], refused))
			}
			if err != nil {
				return err
			}
			i += n
		}
		return q.forget(t, now, 2*len(batch))
	})
	if err != nil {
		return err
	}
	return failed.err()
}

// settling has run settle deliveries in one transaction, singly at its second attempt.
func (q *Queue) settling(ctx context.Context, step string, run func(t *tx, now int64, singly bool) error) error {
	singly := false
	write := func(t *tx) error { return run(t, q.micros(), singly) }
	err := q.write(ctx, step, write)
	if errors.Is(err, errSingly) {
		singly = true
		err = q.write(ctx, step, write)
	}
	return err
}

// refusal is the error of a settlement that cannot take effect; nil for one that does.
func (q *Queue) refusal(s *capability.Settlement, why error) error {
	if why == nil {
		return nil
	}
	return fmt.Errorf("%s: transaction %s: %w", q.what, s.Transaction.ID(), why)
}

// settle returns why a settlement cannot take effect, or an error that undoes all of the transaction.
func (q *Queue) settle(t *tx, now int64, s *capability.Settlement) (refused, err error) {
	r, ok := s.Transaction.Delivery().Receipt.(*receipt)
	if !ok || !q.delivered(r) {
		return errForeign, nil
	}
	var settled bool
	switch s.Action {
	case policy.SettleAck:
		settled, err = q.ack(t, now, r)
	case policy.SettleRequeue:
		settled, err = q.requeue(t, now, r, s)
	case policy.SettleReject:
		settled, err = q.reject(t, now, r)
	default:
		return fmt.Errorf("unknown settle action %d", s.Action), nil
	}
	if err == nil && !settled {
		return capability.ErrStaleDelivery, nil
	}
	if r.lost > 0 { // another may be waiting for its last delivery
		t.woken = append(t.woken, q.number.Load())
	}
	return nil, err
}

// delivered tells whether a receipt is of this queue, delivered through whichever value that stands for it.
func (q *Queue) delivered(r *receipt) bool {
	return r.queue == q || r.queue.store.Load() == q.store.Load() && r.queue.number.Load() == q.number.Load()
}

func (q *Queue) requeue(t *tx, now int64, r *receipt, s *capability.Settlement) (bool, error) {
	ready, state, lost, uncounted := now, stateReady, int64(0), 0
	due, place := any(nil), any(nil)
	if s.Interrupted {
		lost, uncounted = r.lost, 1
		state = q.readyState(lost)
	}
	if s.Delay > 0 {
		ready = after(now, s.Delay)
		due, state = ready, stateDelayed
	} else if !s.Interrupted && r.key == nil {
		number, err := t.numbers(1)
		if err != nil {
			return false, err
		}
		place = number
	}
	changed, err := t.exec(giveBack, state, due, place, ready, lost, uncounted, r.seq, r.claim, now)
	t.woken = append(t.woken, q.number.Load())
	return changed > 0, err
}

func (q *Queue) reject(t *tx, now int64, r *receipt) (bool, error) {
	ours, err := t.number(context.Background(), stillClaimed, r.seq, r.claim, now)
	if err != nil || ours == 0 {
		return false, err
	}
	return true, q.deadLetter(t, now, r.seq, "rejected by its task")
}

const (
	firstOfKey = `SELECT seq, state, due_at FROM items WHERE queue = ? AND key = ? ORDER BY seq LIMIT 1`
	takeTurn   = `UPDATE items SET state = ?, due_at = ? WHERE seq = ?`
)

// advance lets the next with an ordering key have its turn, once one of them has left the queue.
func (q *Queue) advance(t *tx, now int64, key any) error {
	if key == nil {
		return nil
	}
	var seq, due int64
	var state string
	err := t.query(context.Background(), firstOfKey, func(r row) error {
		seq, state, due = r.int(0), r.text(1), r.int(2)
		return nil
	}, q.number.Load(), key)
	if err != nil || state != stateBehind {
		return err
	}
	if due > now {
		_, err = t.exec(takeTurn, stateDelayed, due, seq)
	} else {
		_, err = t.exec(takeTurn, stateReady, nil, seq)
	}
	t.woken = append(t.woken, q.number.Load())
	return err
}
