package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ergon-go/ergon/capability"
)

const (
	// The number of the transaction is taken before those of its items: see floor.go. Items with an ordering key begin behind others,
	// and advance lets the first one of a key have its turn. Returns the ids that were not known.
	insertItems = `WITH number AS MATERIALIZED (SELECT pg_current_xact_id() AS xid, {now} AS now),
		input AS (SELECT id, copy, priority, key, deliver_at, metadata, history, payload, digest, at
			FROM unnest($2::text[], $3::text[], $4::integer[], $5::text[], $6::timestamptz[], $7::text[], $8::text[],
			$9::bytea[], $10::bytea[]) WITH ORDINALITY
			AS i (id, copy, priority, key, deliver_at, metadata, history, payload, digest, at)),
		fresh AS (SELECT number.now, input.* FROM number, input WHERE number.xid IS NOT NULL AND (NOT $11::boolean OR copy <> '' OR NOT EXISTS (
			SELECT 1 FROM {items} k WHERE k.queue = $1 AND k.id = input.id AND k.copy <> '')) ORDER BY at),
		numbered AS (SELECT nextval('{sequence}') AS seq, fresh.* FROM fresh),
		inserted AS (INSERT INTO {items} (seq, queue, due_at, line, place, enqueued_at, ready_at, priority, state, id, copy, key, digest,
				metadata, history, payload)
			SELECT seq, $1, CASE WHEN deliver_at > now THEN deliver_at END, seq, numbered.seq, now, greatest(now, deliver_at), priority,
				CASE WHEN key IS NOT NULL THEN 'behind' WHEN deliver_at > now THEN 'delayed' ELSE 'ready' END,
				id, CASE WHEN $11 THEN copy ELSE '#' || seq END, key, digest, metadata, history, payload FROM numbered
			ON CONFLICT (queue, id, copy) DO NOTHING RETURNING seq, id, copy, state, due_at),
		timers AS (INSERT INTO {timers} (queue, kind, at, items)
			SELECT $1, 'due', due_at, array_agg(seq) FROM inserted WHERE state = 'delayed' GROUP BY due_at)
		SELECT seq, id, copy FROM inserted`

	lockKeys = `SELECT pg_advisory_xact_lock($1::integer, key) FROM unnest($2::integer[]) AS key`

	// supersede leaves of what has settled no more than its id and digest, once it arrives again: a replay would process it besides
	// the later arrival.
	supersede = `UPDATE {items} SET metadata = NULL, history = NULL, payload = NULL
		WHERE queue = $1 AND id = $2 AND seq <> $3 AND state = 'settled'`

	addLevel = `INSERT INTO {priorities} (queue, priority) VALUES ($1, $2) ON CONFLICT DO NOTHING`
)

// intake is how items enter a queue, and what it knew of them.
type intake struct {
	queue   int64
	dedup   bool
	diverge bool // a derived id that is known with other content is stored under another
	known   []known
}

func (q *Queue) intake() intake {
	return intake{queue: q.number.Load(), dedup: q.settings.Dedup, diverge: q.settings.OnConflict != capability.ConflictFirst}
}

// levels makes the priorities of items known in the tables, before the items are there: a claim looks for items by them. It is no part
// of the transaction, so that two of them with a new priority do not wait for each other.
func (q *Queue) levels(ctx context.Context, items []item) error {
	for i := range items {
		if err := q.level(ctx, q.number.Load(), int32(items[i].Priority)); err != nil {
			return err
		}
	}
	return nil
}

func (d *database) level(ctx context.Context, queue int64, priority int32) error {
	l := level{queue, priority}
	if s := d.store.Load(); s != nil {
		if _, known := s.levels.Load(l); known {
			return nil
		}
	}
	return d.use(ctx, "dispatch", func(ctx context.Context, s *store) error {
		_, err := s.pool.Exec(ctx, s.sql(addLevel), queue, priority)
		if err == nil {
			s.levels.Store(l, struct{}{})
		}
		return err
	})
}

// errRestless means that what a queue knows of a few ids changed at each look.
var errRestless = errors.New("other programs add and remove the same ids all the time; dispatch again")

// maxLooks is how often items are inserted, and compared with what is known, in one transaction.
const maxLooks = 10

// enqueue puts items behind what is in the queue. Those that it knows are left out.
func (to *intake) enqueue(ctx context.Context, r runner, items []item) error {
	keys := keysOf(items)
	if err := to.lock(ctx, r, keys); err != nil {
		return err
	}
	rest := make([]*item, len(items))
	for i := range items {
		rest[i] = &items[i]
	}
	for range maxLooks {
		var err error
		if rest, err = to.insert(ctx, r, rest); err != nil {
			return err
		}
		if len(rest) == 0 {
			slices.SortStableFunc(to.known, func(a, b known) int { return a.at - b.at })
			return advance(ctx, r, to.queue, keys)
		}
		if rest, err = to.compare(ctx, r, rest); err != nil {
			return err
		}
	}
	return errRestless
}

// lock makes those wait who change the order of the same keys, until the transaction ends. Locks of a batch are taken in one order.
func (to *intake) lock(ctx context.Context, r runner, keys []string) error {
	return lockOf(ctx, r, to.queue, keys)
}

func lockOf(ctx context.Context, r runner, queue int64, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return r.query(ctx, lockKeys, nil, lockClass(queue), lockNumbers(keys))
}

// insert returns the items that are not stored, because the queue may know them.
func (to *intake) insert(ctx context.Context, r runner, items []*item) (rest []*item, err error) {
	if len(items) == 0 {
		return nil, nil
	}
	type name struct{ id, copy string }
	stored := map[name]int64{}
	all := make([]item, len(items))
	for i, it := range items {
		all[i] = *it
	}
	err = r.query(ctx, insertItems, func(scan func(into ...any) error) error {
		var seq int64
		var n name
		err := scan(&seq, &n.id, &n.copy)
		stored[n] = seq
		return err
	}, to.arguments(all)...)
	if err != nil || !to.dedup {
		return nil, err
	}
	for _, it := range items {
		n := name{storable(it.ID), storable(it.Arrival)}
		seq, ok := stored[n]
		if !ok {
			rest = append(rest, it)
			continue
		}
		delete(stored, n) // another one of the batch with this id was not stored
		if it.first != nil {
			to.known = append(to.known, known{it.first.of, it.first.at, capability.Diverged})
		}
		if it.Arrival != "" {
			if err := r.query(ctx, supersede, nil, to.queue, n.id, seq); err != nil {
				return nil, err
			}
		}
	}
	return rest, nil
}

// arguments returns those of insertItems.
func (to *intake) arguments(items []item) []any {
	n := len(items)
	ids, copies, priorities := make([]string, n), make([]string, n), make([]int32, n)
	keys, times, metadata, history := make([]*string, n), make([]*time.Time, n), make([]*string, n), make([]*string, n)
	payloads, digests := make([][]byte, n), make([][]byte, n)
	for i := range items {
		it := &items[i]
		ids[i], copies[i], priorities[i] = storable(it.ID), storable(it.Arrival), int32(it.Priority)
		if key, ok := it.Key.(string); ok {
			key = storable(key)
			keys[i] = &key
		}
		times[i], metadata[i], history[i] = it.deliverAt(), textOf(it.Metadata), textOf(it.History)
		payloads[i], digests[i] = it.Payload, it.Digest.Bytes()
	}
	return []any{to.queue, ids, copies, priorities, keys, times, metadata, history, payloads, digests, to.dedup}
}

// keysOf returns the ordering keys of items as they are stored, each once, in order.
func keysOf(items []item) []string {
	var keys []string
	for i := range items {
		if key, ok := items[i].Key.(string); ok {
			keys = append(keys, storable(key))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func isNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
