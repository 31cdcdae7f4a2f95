package postgres

import (
	"context"
	"hash/fnv"
	"slices"
	"time"
)

// advance lets the first one of each key have its turn, if it is behind: the one before it has left the queue, or there was none.
// {now} may be later than due_at.
const advanceKeys = `WITH first AS MATERIALIZED (SELECT f.seq, f.due_at > {now} AS waits
		FROM unnest($2::text[]) AS k (key) CROSS JOIN LATERAL (SELECT i.seq, i.state, i.due_at FROM {items} i
			WHERE i.queue = $1 AND i.key = k.key ORDER BY i.seq LIMIT 1) f WHERE f.state = 'behind'),
	moved AS (UPDATE {items} i SET state = CASE WHEN waits THEN 'delayed' ELSE 'again' END, due_at = CASE WHEN waits THEN i.due_at END
		FROM first WHERE i.queue = $1 AND i.seq = first.seq RETURNING i.seq, i.state, i.due_at, i.priority, i.place),
	timers AS (INSERT INTO {timers} (queue, kind, at, items)
		SELECT $1, 'due', due_at, array_agg(seq) FROM moved WHERE state = 'delayed' GROUP BY due_at)
	INSERT INTO {returns} (queue, solo, priority, place, seq)
		SELECT $1, false, priority, place, seq FROM moved WHERE state = 'again'`

// advance needs the locks of the keys.
func advance(ctx context.Context, r runner, queue int64, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return r.query(ctx, advanceKeys, nil, queue, keys)
}

// lockClass is the first half of the advisory locks of a queue, lockNumbers the other half: of each key a number. Two keys with one
// number wait for each other without need.
func lockClass(queue int64) int32 { return int32(classOfKeys + queue) }

const (
	classOfKeys = 0x65726700 // "erg"
	// lockOfLast is the lock of those who make last deliveries.
	lockOfLast = 0
)

func lockNumbers(keys []string) []int32 {
	numbers := make([]int32, len(keys))
	for i, key := range keys {
		h := fnv.New32a()
		_, _ = h.Write([]byte(key)) // a hash never fails
		numbers[i] = int32(h.Sum32()>>1) | 1<<30
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// elapsed is how long ago a moment of this process' clock was.
func elapsed(nanos int64) time.Duration { return time.Duration(time.Now().UnixNano() - nanos) }
