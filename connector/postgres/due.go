package postgres

import (
	"context"

	"github.com/ergon-go/ergon/internal/queueitem"
)

// ringTimers makes ready what was delayed until now, and what was delivered under leases that have run out. An item whose due_at is
// later has another timer. What was lost too often gets a timer of kind poison: buryPoison makes dead letters of it. $2 is the maximum
// number of lost deliveries, 0 for no limit.
const ringTimers = `WITH rung AS (DELETE FROM {timers} t USING (SELECT timer FROM {timers}
			WHERE queue = $1 AND kind = 'due' AND at <= {now} ORDER BY at LIMIT 100 FOR UPDATE SKIP LOCKED) d
		WHERE t.timer = d.timer RETURNING t.items),
	due AS MATERIALIZED (SELECT i.seq, i.state, i.lost, i.due_at, i.state = 'claimed' AND $2::integer > 0 AND i.lost + 1 >= $2 AS poison
		FROM {items} i WHERE i.queue = $1 AND i.seq IN (SELECT unnest(items) FROM rung)
			AND i.state IN ('delayed', 'claimed') AND i.due_at <= {now} ORDER BY i.seq FOR UPDATE),
	counted AS (SELECT due.*, lost + CASE WHEN state = 'claimed' THEN 1 ELSE 0 END AS losses FROM due),
	moved AS (UPDATE {items} i SET due_at = NULL, lost = c.losses,
			state = CASE WHEN $2::integer > 0 AND c.losses > 0 AND c.losses + 1 >= $2 THEN 'last' ELSE 'again' END,
			ready_at = CASE WHEN c.state = 'claimed' THEN c.due_at ELSE i.ready_at END
		FROM counted c WHERE NOT c.poison AND i.queue = $1 AND i.seq = c.seq
		RETURNING i.seq, i.state, i.priority, i.place),
	poisonous AS (INSERT INTO {timers} (queue, kind, at, items)
		SELECT $1, 'poison', {now}, array_agg(seq) FROM due WHERE poison HAVING count(*) > 0)
	INSERT INTO {returns} (queue, solo, priority, place, seq) SELECT $1, state = 'last', priority, place, seq FROM moved`

const (
	takePoison = `WITH rung AS (DELETE FROM {timers} WHERE timer IN (SELECT timer FROM {timers} WHERE queue = $1 AND kind = 'poison'
		ORDER BY at LIMIT 100 FOR UPDATE) RETURNING items) SELECT unnest(items) FROM rung`
	keysOfItems = `SELECT DISTINCT key FROM {items} WHERE queue = $1 AND seq = ANY ($2) AND key IS NOT NULL`
	stillPoison = `i.queue = $1 AND i.seq = ANY ($2) AND i.state = 'claimed' AND i.due_at <= {now} AND i.lost + 1 >= $3`
)

// buryPoison makes dead letters of what was lost too often.
func (q *Queue) buryPoison(ctx context.Context) error {
	queue := q.number.Load()
	return q.write(ctx, "claim", func(ctx context.Context, t *tx) error {
		seqs, err := numbersOf(ctx, t, takePoison, queue)
		if err != nil || len(seqs) == 0 {
			return err
		}
		var keys []string
		err = t.query(ctx, keysOfItems, func(scan func(into ...any) error) error {
			var key string
			err := scan(&key)
			keys = append(keys, key)
			return err
		}, queue, seqs)
		if err == nil {
			err = lockOf(ctx, t, queue, keys)
		}
		if err == nil {
			fingerprint := queueitem.Fingerprint(q.settings.Queue, queueitem.ReasonLost)
			err = t.query(ctx, buryLost, nil, queue, seqs, q.settings.MaxDeliveries, fingerprint, micros(q.remembered()))
		}
		if err == nil {
			err = advance(ctx, t, queue, keys)
		}
		return err
	})
}
