package sqlite

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// What is due counts as ready, whether or not a claim has made it so yet.
const (
	countByState = `SELECT state, due_at <= ?2, count(*), min(ready_at) FROM items WHERE queue = ?1 AND due_at IS NULL GROUP BY state
		UNION ALL SELECT state, due_at <= ?2, count(*), min(due_at) FROM items WHERE queue = ?1 AND due_at IS NOT NULL GROUP BY 1, 2`
	columns  = `SELECT seq, claims, deliveries, id, key, lost, enqueued_at, metadata, payload, 0, priority, place FROM `
	shown    = columns + `items WHERE queue = ?1 `
	peekLine = columns + `(` + shown + `AND state = 'ready' AND due_at IS NULL ORDER BY priority DESC, place LIMIT ?2)
		UNION ALL ` + columns + `(` + shown + `AND state = 'last' AND due_at IS NULL ORDER BY priority DESC, place LIMIT ?2)
		UNION ALL ` + columns + `(` + shown + `AND state = 'delayed' AND due_at <= ?3 ORDER BY due_at LIMIT ?2)
		UNION ALL ` + columns + `(` + shown + `AND state = 'claimed' AND due_at <= ?3 ORDER BY due_at LIMIT ?2)
		ORDER BY 11 DESC, 12 LIMIT ?2`
	peekDelayed = columns + `(` + shown + `AND state = 'delayed' AND due_at > ?3 ORDER BY due_at LIMIT ?2)
		UNION ALL ` + columns + `(` + shown + `AND state = 'behind' AND due_at IS NULL ORDER BY priority DESC, place LIMIT ?2)
		UNION ALL ` + columns + `(` + shown + `AND state = 'behind' AND due_at > 0 ORDER BY due_at LIMIT ?2) LIMIT ?2`
	peekClaimed = shown + `AND state = 'claimed' AND due_at > ?3 ORDER BY due_at LIMIT ?2`
	peekSettled = shown + `AND state = 'settled' AND due_at > ?3 ORDER BY due_at LIMIT ?2`
)

// CountTransactions returns the number of transactions that are ready, delayed, or wait behind others with their ordering key.
// Its cost grows with the queue: 100 ms for a million.
func (q *Queue) CountTransactions(ctx context.Context) (int64, error) {
	stats, err := q.InspectQueue(ctx)
	return stats.Ready + stats.Delayed, err
}

// InspectQueue counts the transactions in the queue. It costs as much as CountTransactions. Transactions that wait behind another
// one with the same ordering key count as delayed.
func (q *Queue) InspectQueue(ctx context.Context) (capability.QueueStats, error) {
	var stats capability.QueueStats
	err := q.read(ctx, "inspect", func(c *conn) error {
		stats = capability.QueueStats{}
		return c.query(ctx, countByState, func(r row) error {
			n, since := r.int(2), timeOf(r.int(3))
			switch state := r.text(0); {
			case state == stateSettled && r.int(1) == 0:
				stats.Settled += n
			case state == stateSettled: // forgotten
			case state == stateBehind, state == stateDelayed && r.int(1) == 0:
				stats.Delayed += n
			case state == stateClaimed && r.int(1) == 0:
				stats.Claimed += n
			default:
				stats.Ready += n
				if stats.OldestReadyAt.IsZero() || since.Before(stats.OldestReadyAt) {
					stats.OldestReadyAt = since
				}
			}
			return nil
		}, q.number.Load(), q.micros())
	})
	return stats, err
}

// PeekTransactions returns up to limit transactions in one state. They have no receipt, so they cannot be settled. Settled ones
// come in the order in which they will be forgotten, and have a payload only if it is retained.
func (q *Queue) PeekTransactions(ctx context.Context, state capability.QueueState, limit int) ([]ergon.Transaction, error) {
	query, ok := map[capability.QueueState]string{
		capability.StateReady: peekLine, capability.StateDelayed: peekDelayed,
		capability.StateClaimed: peekClaimed, capability.StateSettled: peekSettled,
	}[state]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: peek: state is %q, must be ready, delayed, claimed or settled", q.what, state)
	case limit < 1:
		return nil, fmt.Errorf("%s: peek at %d transactions: the limit must be at least 1", q.what, limit)
	}
	var batch []ergon.Transaction
	err := q.read(ctx, "peek", func(c *conn) error {
		all, err := q.readItems(c, query, q.number.Load(), limit, q.micros())
		batch = make([]ergon.Transaction, len(all))
		for i := range all {
			batch[i] = all[i].transaction(nil)
		}
		return err
	})
	return batch, err
}
