package sqlite

import (
	"context"
	"encoding/json"
	"math"
	"strconv"

	"github.com/ergon-go/ergon/internal/queueitem"

	"github.com/ergon-go/ergon/capability"
)

// maxAtOnce is how many items or letters one transaction moves, so that others need not wait for all.
const maxAtOnce = 500

const (
	// What has neither a payload nor a body was kept for its id only.
	selectSettled = `SELECT seq, id, metadata FROM items WHERE queue = ?1 AND state = 'settled' AND due_at > ?2
		AND settled_at BETWEEN ?3 AND ?4 AND (?5 IS NULL OR id IN (SELECT value FROM json_each(?5)))
		AND (payload IS NOT NULL OR EXISTS (SELECT 1 FROM bodies WHERE bodies.seq = items.seq)) ORDER BY due_at LIMIT ?6`
	replayItem = `UPDATE items SET seq = ?1, place = ?1, state = ?2, due_at = NULL, settled_at = NULL, key = ?3, ready_at = ?4,
		deliveries = 0, lost = 0, metadata = ?6 WHERE seq = ?5`
	replayBody = `UPDATE bodies SET seq = ? WHERE seq = ?`
)

// ReplayTransactions appends retained settled transactions to the queue again, in the order of their settlement, and returns
// their number. Each is another generation, so its outputs are new. A large number takes several SQL transactions. If one fails,
// the number counts those that were replayed before.
func (q *Queue) ReplayTransactions(ctx context.Context, filter capability.ReplayFilter) (int64, error) {
	after, before := int64(math.MinInt64), q.micros()
	if !filter.SettledAfter.IsZero() {
		after = filter.SettledAfter.UnixMicro()
	}
	if !filter.SettledBefore.IsZero() {
		before = min(before, filter.SettledBefore.UnixMicro())
	}
	var ids any
	if len(filter.IDs) > 0 {
		encoded, err := json.Marshal(filter.IDs)
		if err != nil {
			return 0, err
		}
		ids = string(encoded)
	}
	var total int64
	for {
		var moved int64
		err := q.write(ctx, "replay", func(t *tx) (err error) {
			moved, err = q.replay(t, after, before, ids)
			return err
		})
		total += moved
		if err != nil || moved < maxAtOnce {
			return total, err
		}
	}
}

func (q *Queue) replay(t *tx, after, before int64, ids any) (int64, error) {
	now, queue := q.micros(), q.number.Load()
	type settled struct {
		seq int64
		it  item
	}
	var all []settled
	err := t.query(context.Background(), selectSettled, func(r row) error {
		s := settled{seq: r.int(0), it: item{Item: queueitem.Item{ID: r.text(1), Metadata: r[2]}}}
		err := s.it.Replan(r.text(2), q.origin(s.seq))
		all = append(all, s)
		return err
	}, queue, now, after, before, ids, maxAtOnce)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	next, err := t.numbers(len(all))
	for i, s := range all {
		if err == nil {
			err = t.replayOne(queue, now, s.seq, next+int64(i), &s.it)
		}
	}
	t.woken = append(t.woken, queue)
	return int64(len(all)), err
}

func (t *tx) replayOne(queue, now, was, seq int64, it *item) error {
	state, err := t.turnOf(queue, it.Key)
	if err != nil {
		return err
	}
	if _, err := t.exec(replayItem, seq, state, it.Key, now, was, it.Metadata); err != nil {
		return err
	}
	_, err = t.exec(replayBody, seq, was)
	return err
}

// origin names an item among those of all queues.
func (q *Queue) origin(seq int64) string {
	return q.store.Load().id + "/" + q.settings.Queue + "/" + strconv.FormatInt(seq, 10)
}
