package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/ergon-go/ergon/capability"
)

// maxAtOnce is how many items or letters one transaction moves, so that others need not wait for all.
const maxAtOnce = 500

const (
	// What has no payload was kept for its id only.
	selectSettled = `SELECT seq, id, metadata FROM {items} WHERE queue = $1 AND state = 'settled' AND due_at > {now}
		AND ($2::timestamptz IS NULL OR settled_at >= $2) AND settled_at <= $3 AND ($4::text[] IS NULL OR id = ANY ($4))
		AND payload IS NOT NULL ORDER BY due_at, place LIMIT $5 FOR UPDATE`
	replayItems = `WITH given AS MATERIALIZED (SELECT seq, key, metadata, nextval('{sequence}') AS number
			FROM unnest($2::bigint[], $3::text[], $4::text[]) AS g (seq, key, metadata)),
		moved AS (UPDATE {items} i SET seq = g.number, place = g.number, state = CASE WHEN g.key IS NULL THEN 'again' ELSE 'behind' END,
			due_at = NULL, settled_at = NULL, key = g.key, ready_at = {now}, deliveries = 0, lost = 0, metadata = g.metadata
			FROM given g WHERE i.queue = $1 AND i.seq = g.seq RETURNING i.seq, i.state, i.priority, i.place)
		INSERT INTO {returns} (queue, solo, priority, place, seq)
			SELECT $1, false, priority, place, seq FROM moved WHERE state = 'again'`
	serverNow = `SELECT {now}`
)

// ReplayTransactions appends retained settled transactions to the queue again, in the order of their settlement, and returns their
// number. Each is another generation, so its outputs are new. A large number takes several SQL transactions. If one fails, the number
// counts those that were replayed before.
func (q *Queue) ReplayTransactions(ctx context.Context, filter capability.ReplayFilter) (int64, error) {
	var before time.Time
	err := q.use(ctx, "replay", func(ctx context.Context, s *store) error {
		return s.pool.QueryRow(ctx, s.sql(serverNow)).Scan(&before)
	})
	if err != nil {
		return 0, err
	}
	if !filter.SettledBefore.IsZero() && filter.SettledBefore.Before(before) {
		before = filter.SettledBefore
	}
	var ids []string
	for _, id := range filter.IDs {
		ids = append(ids, storable(id))
	}
	var total int64
	for {
		var moved int64
		err := q.write(ctx, "replay", func(ctx context.Context, t *tx) (err error) {
			moved, err = q.replay(ctx, t, orNull(filter.SettledAfter), before, ids)
			return err
		})
		total += moved
		if err != nil || moved < maxAtOnce {
			return total, err
		}
	}
}

func (q *Queue) replay(ctx context.Context, t *tx, after *time.Time, before time.Time, ids []string) (int64, error) {
	queue := q.number.Load()
	var seqs []int64
	var keys, metadata []*string
	var items []item
	err := t.query(ctx, selectSettled, func(scan func(into ...any) error) error {
		var seq int64
		var it item
		var text *string
		if err := scan(&seq, &it.ID, &text); err != nil {
			return err
		}
		it.ID, it.Metadata = read(it.ID), anyOf(text)
		if err := it.Replan(orEmpty(text), q.origin(seq)); err != nil {
			return err
		}
		key := textOf(it.Key)
		if key != nil {
			*key = storable(*key)
		}
		seqs, keys, metadata, items = append(seqs, seq), append(keys, key), append(metadata, textOf(it.Metadata)), append(items, it)
		return nil
	}, queue, after, before, ids, maxAtOnce)
	if err != nil || len(seqs) == 0 {
		return 0, err
	}
	locked := keysOf(items)
	if err := lockOf(ctx, t, queue, locked); err != nil {
		return 0, err
	}
	if err := t.query(ctx, replayItems, nil, queue, seqs, keys, metadata); err != nil {
		return 0, err
	}
	t.woken = append(t.woken, queue)
	return int64(len(seqs)), advance(ctx, t, queue, locked)
}

// origin names an item among those of all queues.
func (q *Queue) origin(seq int64) string {
	return q.store.Load().id + "/" + q.settings.Queue + "/" + strconv.FormatInt(seq, 10)
}
