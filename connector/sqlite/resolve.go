package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

const (
	findByID = `SELECT seq, claims, deliveries, id, key, lost, enqueued_at, metadata, payload, digest IS NULL FROM items
		WHERE queue = ? AND id = ? AND state IN ('ready', 'last', 'delayed') LIMIT 1`
	stateByID = `SELECT state FROM items WHERE queue = ? AND id = ? AND state <> 'settled' LIMIT 1`
)

// FetchTransactionByID delivers the transaction with that id, also if it is delayed. It is then claimed, as after a fetch, and
// must be settled. If it is claimed already or waits behind another one with the same ordering key, it returns an error. If it is
// settled or unknown, it returns capability.ErrNotFound. If several transactions have that id, it delivers one that can be
// delivered.
func (q *Queue) FetchTransactionByID(ctx context.Context, id string) (ergon.Transaction, error) {
	var resolved ergon.Transaction
	var refused error
	err := q.write(ctx, "claim", func(t *tx) error {
		now := q.micros()
		if err := q.returnDue(t, now); err != nil {
			return err
		}
		all, err := q.readItems(t.conn, findByID, q.number.Load(), id)
		if err == nil && len(all) == 0 {
			refused, err = q.refuse(t, id)
		}
		if err != nil {
			return err
		}
		batch, err := q.deliver(t, now, all)
		if len(batch) > 0 {
			resolved = batch[0]
		}
		return err
	})
	if err == nil && refused != nil {
		err = fmt.Errorf("%s: transaction %q: %w", q.what, id, refused)
	}
	return resolved, err
}

// refuse returns why a transaction cannot be delivered.
func (q *Queue) refuse(t *tx, id string) (refused, err error) {
	var state string
	err = t.query(context.Background(), stateByID, func(r row) error {
		state = r.text(0)
		return nil
	}, q.number.Load(), id)
	switch {
	case err != nil:
		return nil, err
	case state == "":
		return capability.ErrNotFound, nil
	case state == stateClaimed:
		return fmt.Errorf("is claimed; wait until it is settled, or its lease, %s at most, has run out", q.settings.Lease), nil
	default:
		return errors.New("waits behind another with the same ordering key; settle that one first"), nil
	}
}
