package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// What is due counts as ready, whether or not a claim has made it so yet.
const (
	countByState = `SELECT state, coalesce(due_at <= {now}, false) AS due, count(*),
		min(CASE WHEN state = 'claimed' THEN due_at ELSE ready_at END) FROM {items} WHERE queue = $1 GROUP BY 1, 2`

	shown    = `SELECT ` + columns + ` FROM {items} WHERE queue = $1 AND `
	peekLine = `SELECT ` + columns + ` FROM ((` + shown + `state = 'ready' ORDER BY priority DESC, line LIMIT $2)
		UNION ALL (` + shown + `seq IN (SELECT seq FROM {returns} WHERE queue = $1 ORDER BY priority DESC, place LIMIT $2))
		UNION ALL (` + shown + `state IN ('delayed', 'claimed') AND due_at <= {now} ORDER BY priority DESC, place LIMIT $2)) AS line
		ORDER BY priority DESC, place LIMIT $2`
	peekDelayed = shown + `(state = 'delayed' AND due_at > {now} OR state = 'behind') 
		ORDER BY coalesce(due_at, 'infinity'), priority DESC, place LIMIT $2`
	peekClaimed = shown + `state = 'claimed' AND due_at > {now} ORDER BY due_at, place LIMIT $2`
	peekSettled = shown + `state = 'settled' AND due_at > {now} ORDER BY due_at, place LIMIT $2`
)

// CountTransactions returns the number of transactions that are ready, delayed, or wait behind others with their ordering key. Its cost
// grows with the queue, what is settled and remembered included.
func (q *Queue) CountTransactions(ctx context.Context) (int64, error) {
	stats, err := q.InspectQueue(ctx)
	return stats.Ready + stats.Delayed, err
}

// InspectQueue counts the transactions in the queue. It costs as much as CountTransactions. Transactions that wait behind another one
// with the same ordering key count as delayed.
func (q *Queue) InspectQueue(ctx context.Context) (capability.QueueStats, error) {
	var stats capability.QueueStats
	err := q.send(ctx, "inspect", func(s *store, b *pgx.Batch) {
		stats = capability.QueueStats{}
		b.Queue(s.sql(countByState), q.number.Load()).Query(func(rows pgx.Rows) error {
			return eachRow(rows, func(scan func(into ...any) error) error {
				var state string
				var due bool
				var n int64
				var since time.Time
				if err := scan(&state, &due, &n, &since); err != nil {
					return err
				}
				addTo(&stats, state, due, n, since.UTC())
				return nil
			})
		})
	})
	return stats, err
}

func addTo(stats *capability.QueueStats, state string, due bool, n int64, since time.Time) {
	switch {
	case state == "settled" && due: // forgotten
	case state == "settled":
		stats.Settled += n
	case state == "behind", state == "delayed" && !due:
		stats.Delayed += n
	case state == "claimed" && !due:
		stats.Claimed += n
	default:
		stats.Ready += n
		if stats.OldestReadyAt.IsZero() || since.Before(stats.OldestReadyAt) {
			stats.OldestReadyAt = since
		}
	}
}

// PeekTransactions returns up to limit transactions in one state. They have no receipt, so they cannot be settled. Settled ones come in
// the order in which they will be forgotten, and have a payload only if it is retained.
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
	var all []found
	err := q.send(ctx, "peek", func(s *store, b *pgx.Batch) {
		all = nil
		b.Queue(s.sql(query), q.number.Load(), limit).Query(func(rows pgx.Rows) error { return q.collect(rows, &all) })
	})
	batch := make([]ergon.Transaction, len(all))
	for i := range all {
		batch[i] = all[i].transaction(nil)
	}
	return batch, err
}
