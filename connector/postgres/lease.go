package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

const extendLeases = `WITH extended AS (UPDATE {items} i SET due_at = {now} + $4::bigint * interval '1 microsecond'
		` + deliveries + ` RETURNING i.seq, i.claims, i.due_at),
	timer AS (INSERT INTO {timers} (queue, kind, at, items)
		SELECT $1, 'due', max(due_at), array_agg(seq) FROM extended HAVING count(*) > 0)
	SELECT seq, claims FROM extended`

// LeaseDuration returns how long a delivery lasts after a fetch or an extension.
func (q *Queue) LeaseDuration() time.Duration { return q.settings.Lease }

// ExtendLeases extends each delivery to LeaseDuration from now, in one SQL transaction. A *BatchError names lost deliveries, with
// capability.ErrStaleDelivery.
func (q *Queue) ExtendLeases(ctx context.Context, batch []ergon.Transaction) error {
	asSettled := make([]capability.Settlement, len(batch))
	for i := range batch {
		asSettled[i] = capability.Settlement{Transaction: batch[i], Action: policy.SettleAck}
	}
	work, failed := q.sort(asSettled)
	if work.isEmpty() {
		return failed.err()
	}
	extended := map[token]bool{}
	err := q.send(ctx, "extend", func(s *store, b *pgx.Batch) {
		clear(extended)
		b.Queue(s.sql(extendLeases), q.number.Load(), work.acks.seqs, work.acks.claims, micros(q.settings.Lease)).
			Query(func(rows pgx.Rows) error { return eachRow(rows, noteToken(extended)) })
	})
	if err != nil {
		return err
	}
	work.addStale(q, asSettled, extended, &failed)
	return failed.err()
}
