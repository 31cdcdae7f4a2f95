package sqlite

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon/internal/queueitem"

	"github.com/ergon-go/ergon"
)

// receipt is one delivery of an item.
type receipt struct {
	queue    *Queue
	seq      int64
	claim    int64
	key      any // ordering key
	lost     int64
	inBodies bool // the payload is in bodies
}

const (
	firstInLine = `SELECT seq, claims, deliveries, id, key, lost, enqueued_at, metadata, payload, digest IS NULL FROM items
		WHERE queue = ? AND state = 'ready' AND due_at IS NULL ORDER BY priority DESC, place LIMIT ?`
	firstOfLast = `SELECT seq, claims, deliveries, id, key, lost, enqueued_at, metadata, payload, digest IS NULL FROM items
		WHERE queue = ? AND state = 'last' AND due_at IS NULL ORDER BY priority DESC, place LIMIT 1`
	// Of those in their last delivery one is out at a time; it has been lost as often as that which asks.
	lastIsOut  = `SELECT 1 FROM items WHERE queue = ? AND state = 'claimed' AND due_at > ? AND lost >= ? LIMIT 1`
	claimAny   = `UPDATE items SET state = 'claimed', due_at = ?, claims = claims + 1, deliveries = deliveries + 1 WHERE seq `
	claimOne   = claimAny + `= ?`
	selectBody = `SELECT payload FROM bodies WHERE seq = ?`
)

//nolint:gochecknoglobals // a statement
var claimMany = claimAny + oneOf

// claim delivers up to limit transactions.
func (q *Queue) claim(ctx context.Context, limit int) (batch []ergon.Transaction, err error) {
	err = q.write(ctx, "claim", func(t *tx) error {
		now, queue := q.micros(), q.number.Load()
		if err := q.returnDue(t, now); err != nil {
			return err
		}
		last, err := q.readLast(t.conn, now)
		if err != nil {
			return err
		}
		found, err := q.readItems(t.conn, firstInLine, queue, limit-len(last))
		if err != nil {
			return err
		}
		batch, err = q.deliver(t, now, append(last, found...))
		return err
	})
	return batch, err
}

// found is an item that is about to be delivered.
type found struct {
	receipt    receipt
	deliveries int64
	id         string
	enqueuedAt int64
	metadata   string
	payload    []byte
	digestless bool // it was stored before schema 3
}

func (q *Queue) readItems(c *conn, query string, arguments ...any) (all []found, err error) {
	err = c.query(context.Background(), query, func(r row) error {
		f := found{
			receipt:    receipt{queue: q, seq: r.int(0), claim: r.int(1), lost: r.int(5), inBodies: r.isNull(8)},
			deliveries: r.int(2), id: r.text(3), enqueuedAt: r.int(6), metadata: r.text(7), payload: r.bytes(8),
			digestless: r.int(9) != 0,
		}
		if !r.isNull(4) {
			f.receipt.key = r.text(4)
		}
		all = append(all, f)
		return nil
	}, arguments...)
	for i := range all {
		if err == nil && all[i].receipt.inBodies {
			all[i].payload, err = c.body(all[i].receipt.seq)
		}
	}
	return all, err
}

// readLast returns the one item whose next delivery is its last, where none is out.
func (q *Queue) readLast(c *conn, now int64) ([]found, error) {
	last, err := q.readItems(c, firstOfLast, q.number.Load())
	if err != nil || len(last) == 0 {
		return nil, err
	}
	out, err := c.number(context.Background(), lastIsOut, q.number.Load(), now, last[0].receipt.lost)
	if err != nil || out != 0 {
		return nil, err
	}
	return last, nil
}

func (c *conn) body(seq int64) (payload []byte, err error) {
	err = c.query(context.Background(), selectBody, func(r row) error {
		payload = r.bytes(0)
		return nil
	}, seq)
	return payload, err
}

// deliver claims what was found.
func (q *Queue) deliver(t *tx, now int64, all []found) ([]ergon.Transaction, error) {
	until := after(now, q.settings.Lease)
	receipts := make([]receipt, len(all)) // one allocation for all
	batch := make([]ergon.Transaction, len(all))
	if err := t.claimAll(until, all); err != nil {
		return nil, err
	}
	for i, f := range all {
		if f.digestless {
			if err := t.storeDigest(undigested{f.receipt.seq, f.metadata, queueitem.OrEmpty(f.payload)}); err != nil {
				return nil, err
			}
		}
		receipts[i] = f.receipt
		receipts[i].claim++
		f.deliveries++
		batch[i] = f.transaction(&receipts[i])
	}
	return batch, nil
}

// claimAll marks what was found as claimed until then.
func (t *tx) claimAll(until int64, all []found) error {
	arguments := make([]any, 0, 1+together)
	for len(all) > 0 {
		statement, n := claimOne, 1
		if len(all) >= together {
			statement, n = claimMany, together
		}
		arguments = append(arguments[:0], until)
		for i := range all[:n] {
			arguments = append(arguments, all[i].receipt.seq)
		}
		if _, err := t.exec(statement, arguments...); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// transaction is the item as it is delivered, or shown without a receipt.
func (f *found) transaction(r *receipt) ergon.Transaction {
	payload := any(queueitem.OrEmpty(f.payload))
	metadata, err := queueitem.DecodeMetadata(f.metadata)
	if err != nil { // somebody changed it
		payload = fmt.Errorf("the metadata of transaction %s is damaged: %w", f.id, err)
	}
	tx := queueitem.TransactionOf(f.id, payload, metadata)
	delivery := ergon.Delivery{Count: int(f.deliveries), EnqueuedAt: timeOf(f.enqueuedAt)}
	if r != nil {
		delivery.Receipt = r
	}
	return tx.WithDelivery(delivery)
}
