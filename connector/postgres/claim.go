package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/queueitem"
)

// receipt is one delivery of an item.
type receipt struct {
	queue *Queue
	seq   int64
	claim int32
	key   *string // ordering key as it is stored, or nil
	lost  int32
}

// What a claim takes is what returned, and what is in line from the floor of each priority on. It locks no more than it takes, and
// passes by what others lock. $4 and $5 are floors that this process knows better: see floor.go. $6: also if there are last
// deliveries to make, which come first.
const (
	noneFirst = `NOT EXISTS (SELECT 1 FROM {timers} WHERE queue = $1 AND kind = 'poison')
		AND ($6::boolean OR NOT EXISTS (SELECT 1 FROM {returns} WHERE queue = $1 AND solo))`

	claimItems = `WITH gate AS MATERIALIZED (SELECT ` + noneFirst + ` AS is_open),
		returned AS MATERIALIZED (SELECT r.seq, r.priority, r.place FROM {returns} r
			WHERE r.queue = $1 AND NOT r.solo AND (SELECT is_open FROM gate)
			ORDER BY r.priority DESC, r.place LIMIT $2::bigint FOR UPDATE SKIP LOCKED),
		line AS MATERIALIZED (SELECT i.seq, i.priority, i.line AS place
			FROM (SELECT p.priority, greatest(p.floor, (SELECT h.floor FROM unnest($4::integer[], $5::bigint[]) AS h (priority, floor)
					WHERE h.priority = p.priority)) AS floor
				FROM {priorities} p WHERE p.queue = $1 AND (SELECT is_open FROM gate) ORDER BY p.priority DESC) p
			CROSS JOIN LATERAL (SELECT i.seq, i.priority, i.line FROM {items} i
				WHERE i.queue = $1 AND i.priority = p.priority AND i.line >= p.floor AND i.state = 'ready'
				ORDER BY i.line LIMIT $2::bigint FOR UPDATE SKIP LOCKED) i
			LIMIT $2::bigint),
		chosen AS MATERIALIZED (SELECT seq, priority, place, again FROM (
			SELECT seq, priority, place, true AS again FROM returned UNION ALL SELECT seq, priority, place, false FROM line) c
			ORDER BY priority DESC, place LIMIT $2::bigint),
		gone AS (DELETE FROM {returns} r USING chosen c
			WHERE c.again AND r.queue = $1 AND NOT r.solo AND r.priority = c.priority AND r.place = c.place)
		` + claimChosen

	// claimChosen claims the rows of chosen; $1 is the queue and $3 the lease.
	claimChosen = `, claimed AS (UPDATE {items} i SET state = 'claimed', due_at = {now} + $3::bigint * interval '1 microsecond',
			claims = i.claims + 1, deliveries = i.deliveries + 1
			FROM chosen c WHERE i.queue = $1 AND i.seq = c.seq AND i.state IN ('ready', 'again', 'last', 'delayed')
			RETURNING i.seq, i.claims, i.deliveries, i.id, i.key, i.lost, i.enqueued_at, i.metadata, i.payload, i.priority, i.place, i.due_at),
		timer AS (INSERT INTO {timers} (queue, kind, at, items)
			SELECT $1, 'due', max(due_at), array_agg(seq) FROM claimed HAVING count(*) > 0)
		SELECT ` + columns + ` FROM claimed`

	// columns are those of readItem.
	columns = `seq, claims, deliveries, id, key, lost, enqueued_at, metadata, payload, priority, place`
)

// found is an item as it is delivered or shown.
type found struct {
	receipt    receipt
	deliveries int
	id         string
	enqueuedAt time.Time
	metadata   *string
	payload    []byte
	priority   int32
	place      int64
}

// readItem reads columns.
func (q *Queue) readItem(scan func(into ...any) error) (f found, err error) {
	f.receipt.queue = q
	err = scan(&f.receipt.seq, &f.receipt.claim, &f.deliveries, &f.id, &f.receipt.key, &f.receipt.lost, &f.enqueuedAt, &f.metadata,
		&f.payload, &f.priority, &f.place)
	return f, err
}

// transaction is the item as it is delivered with a receipt, or shown without one.
func (f *found) transaction(r *receipt) ergon.Transaction {
	d := ergon.Delivery{Count: f.deliveries, EnqueuedAt: f.enqueuedAt.UTC()}
	if r != nil {
		d.Receipt = r
	}
	return queueitem.Delivered(read(f.id), orEmpty(f.metadata), f.payload, d)
}

// transactions are what was claimed, in the order of delivery.
func transactions(all []found) []ergon.Transaction {
	slices.SortFunc(all, func(a, b found) int {
		if a.priority != b.priority {
			return int(b.priority) - int(a.priority)
		}
		return int(a.place - b.place)
	})
	receipts := make([]receipt, len(all)) // one allocation for all
	batch := make([]ergon.Transaction, len(all))
	for i := range all {
		receipts[i] = all[i].receipt
		batch[i] = all[i].transaction(&receipts[i])
	}
	return batch
}

// planByIndex does for one transaction what the settings of the session do without a pooler: see poolConfig.
const planByIndex = `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
	set_config('enable_sort', 'off', true), set_config('jit', 'off', true)`

// view is what a look into the queue found.
type view struct {
	poison bool          // something is to become a dead letter
	last   bool          // something waits for its last delivery
	due    time.Duration // until the next timer; negative if there is none
}

const look = `SELECT EXISTS (SELECT 1 FROM {timers} WHERE queue = $1 AND kind = 'poison'),
	EXISTS (SELECT 1 FROM {returns} WHERE queue = $1 AND solo),
	(SELECT greatest(0, ceil(extract(epoch FROM min(at) - {now}) * 1000000))::bigint FROM {timers} WHERE queue = $1 AND kind = 'due')`

// claim delivers up to limit transactions, and says what else there is.
func (q *Queue) claim(ctx context.Context, limit int) (batch []ergon.Transaction, v view, err error) {
	var all []found
	for {
		hints := q.hinted()
		some, seen, err := q.claimOnce(ctx, limit-len(all), hints)
		if err != nil {
			return transactions(all), seen, lost(err, all)
		}
		all, v = append(all, some...), seen
		q.hint(some)
		switch {
		case v.poison && len(all) == 0:
			if err := q.buryPoison(ctx); err != nil {
				return nil, v, err
			}
		case v.last && len(all) == 0:
			batch, err := q.claimLast(ctx, limit)
			return batch, v, err
		case len(all) == limit || hints.isFull():
			return transactions(all), v, nil
		}
	}
}

// lost is the error of a claim that is part of a call; nil if the call has something to deliver.
func lost(err error, all []found) error {
	if len(all) > 0 {
		return nil
	}
	return err
}

// claimOnce makes ready what is due, claims, and looks, in one round trip.
func (q *Queue) claimOnce(ctx context.Context, limit int, h hinted) (all []found, v view, err error) {
	queue := q.number.Load()
	err = q.send(ctx, "claim", func(s *store, b *pgx.Batch) {
		all, v = nil, view{due: -1}
		if q.config.Pooler {
			b.Queue(planByIndex)
		}
		b.Queue(s.sql(ringTimers), queue, q.settings.MaxDeliveries)
		b.Queue(s.sql(claimItems), queue, limit, micros(q.settings.Lease), h.priorities, h.floors, false).
			Query(func(rows pgx.Rows) error { return q.collect(rows, &all) })
		b.Queue(s.sql(look), queue).QueryRow(func(row pgx.Row) error {
			var due *int64
			err := row.Scan(&v.poison, &v.last, &due)
			if due != nil {
				v.due = time.Duration(*due) * time.Microsecond
			}
			return err
		})
	})
	return all, v, err
}

func (q *Queue) collect(rows pgx.Rows, all *[]found) error {
	return eachRow(rows, q.into(all))
}

// into appends the items that a statement returns.
func (q *Queue) into(all *[]found) func(scan func(into ...any) error) error {
	return func(scan func(into ...any) error) error {
		f, err := q.readItem(scan)
		*all = append(*all, f)
		return err
	}
}

// Of those in their last delivery one is out at a time; it has been lost as often as the one that asks.
const (
	lockLast  = `SELECT pg_advisory_xact_lock($1::integer, $2::integer)`
	claimLast = `WITH first AS MATERIALIZED (SELECT r.seq, r.priority, r.place, i.lost FROM {returns} r JOIN {items} i
			ON i.queue = $1 AND i.seq = r.seq
			WHERE r.queue = $1 AND r.solo ORDER BY r.priority DESC, r.place LIMIT 1 FOR UPDATE OF r SKIP LOCKED),
		chosen AS MATERIALIZED (SELECT seq, priority, place FROM first WHERE $2::bigint > 0 AND NOT EXISTS (SELECT 1 FROM {items} o
			WHERE o.queue = $1 AND o.lost > 0 AND o.lost >= first.lost AND o.state = 'claimed' AND o.due_at > {now})),
		gone AS (DELETE FROM {returns} r USING chosen c
			WHERE r.queue = $1 AND r.solo AND r.priority = c.priority AND r.place = c.place)
		` + claimChosen
)

// claimLast claims one transaction for its last delivery, if none is out, and behind it others.
func (q *Queue) claimLast(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	queue, lease := q.number.Load(), micros(q.settings.Lease)
	var first, others []found
	err := q.write(ctx, "claim", func(ctx context.Context, t *tx) error {
		first, others = nil, nil
		if err := t.query(ctx, lockLast, nil, lockClass(queue), lockOfLast); err != nil {
			return err
		}
		if err := t.query(ctx, claimLast, q.into(&first), queue, limit, lease); err != nil {
			return err
		}
		if len(first) == limit {
			return nil
		}
		return t.query(ctx, claimItems, q.into(&others), queue, limit-len(first), lease, []int32{}, []int64{}, true)
	})
	return append(transactions(first), transactions(others)...), err
}
