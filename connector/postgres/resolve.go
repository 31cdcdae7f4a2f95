package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

const (
	// Of what returned the row of returns is locked first, as a claim does.
	claimByID = `WITH named AS MATERIALIZED (SELECT i.seq, i.priority, i.place, i.state FROM {items} i
			WHERE i.queue = $1 AND i.id = $2 AND i.state IN ('ready', 'again', 'last', 'delayed') ORDER BY i.copy LIMIT 1),
		gone AS (DELETE FROM {returns} r USING named n WHERE n.state IN ('again', 'last') AND r.queue = $1
			AND r.solo = (n.state = 'last') AND r.priority = n.priority AND r.place = n.place RETURNING r.seq),
		chosen AS MATERIALIZED (SELECT n.seq FROM named n
			WHERE n.state IN ('ready', 'delayed') OR EXISTS (SELECT 1 FROM gone WHERE gone.seq = n.seq))
		` + claimChosen
	stateByID = `SELECT state FROM {items} WHERE queue = $1 AND id = $2 AND state <> 'settled' LIMIT 1`
)

// FetchTransactionByID delivers the transaction with that id, also if it is delayed. It is then claimed, as after a fetch, and must be
// settled. If it is claimed already or waits behind another one with the same ordering key, it returns an error. If it is settled or
// unknown, it returns capability.ErrNotFound. If several transactions have that id, it delivers one that can be delivered.
func (q *Queue) FetchTransactionByID(ctx context.Context, id string) (ergon.Transaction, error) {
	resolved, err := q.resolve(ctx, id)
	if errors.Is(err, errPoison) {
		if err := q.buryPoison(ctx); err != nil {
			return ergon.Transaction{}, err
		}
		resolved, err = q.resolve(ctx, id)
	}
	return resolved, err
}

// errPoison means that something is to become a dead letter before anything is delivered.
var errPoison = errors.New("something was lost too often")

func (q *Queue) resolve(ctx context.Context, id string) (resolved ergon.Transaction, err error) {
	queue, state := q.number.Load(), ""
	var all []found
	err = q.write(ctx, "claim", func(ctx context.Context, t *tx) error {
		all, state = nil, ""
		if err := t.query(ctx, ringTimers, nil, queue, q.settings.MaxDeliveries); err != nil {
			return err
		}
		var v view
		if err := t.run.QueryRow(ctx, t.sql(look), queue).Scan(&v.poison, &v.last, new(*int64)); err != nil {
			return err
		}
		if v.poison {
			state = "poison"
			return nil
		}
		err := t.query(ctx, claimByID, q.into(&all), queue, storable(id), micros(q.settings.Lease))
		if err != nil || len(all) > 0 {
			return err
		}
		return t.query(ctx, stateByID, func(scan func(into ...any) error) error { return scan(&state) }, queue, storable(id))
	})
	switch {
	case err != nil:
		return resolved, err
	case len(all) > 0:
		return transactions(all)[0], nil
	case state == "poison":
		return resolved, errPoison
	default:
		return resolved, fmt.Errorf("%s: transaction %q: %w", q.what, id, q.refuse(state))
	}
}

// refuse returns why a transaction in that state cannot be delivered.
func (q *Queue) refuse(state string) error {
	switch state {
	case "":
		return capability.ErrNotFound
	case "claimed":
		return fmt.Errorf("is claimed; wait until it is settled, or until its lease, at most %s, has run out", q.settings.Lease)
	case "behind":
		return errors.New("waits behind another with the same ordering key; settle that one first")
	default:
		return errors.New("another process takes it at the same time; try again")
	}
}
