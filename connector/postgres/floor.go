package postgres

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// A claim looks at the items of a priority from its floor on, so that it does not pass by what was claimed or settled before, nor by
// what is deleted but still visible to an old transaction. There are two floors:
//
//   - The floor in the table priorities is safe: nothing ready is below it, and nothing ready ever will be. Numbers of items are taken
//     before their transaction commits, so a lower number may become visible after a higher one. A transaction takes its own number
//     (xid) before the numbers of its items, therefore: mark_seq is the last number at some moment and mark_xid
//     a transaction that began later. Once all transactions before mark_xid have ended, everything up to mark_seq is visible.
//   - A hint is the floor of this process alone: one above what it claimed last. It is not safe, so once in fullEvery, and whenever a
//     claim brings less than it could, the claim does without hints.
//
// What becomes ready again is not found by its number, but through the table returns.
const (
	readNumber = `SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}`
	setMark    = `UPDATE {queues} SET mark_seq = $2, mark_xid = pg_current_xact_id()
		WHERE queue = $1 AND mark_xid IS NULL`
	raiseFloor = `WITH mark AS MATERIALIZED (SELECT mark_seq FROM {queues} WHERE queue = $1 AND mark_xid IS NOT NULL
			AND pg_snapshot_xmin(pg_current_snapshot()) >= mark_xid FOR UPDATE SKIP LOCKED),
		raised AS (UPDATE {priorities} p SET floor = n.floor FROM (SELECT o.priority, least(mark.mark_seq + 1, (SELECT i.line FROM {items} i
				WHERE i.queue = $1 AND i.priority = o.priority AND i.line >= o.floor AND i.state = 'ready' ORDER BY i.line LIMIT 1)) AS floor
			FROM {priorities} o, mark WHERE o.queue = $1) n
			WHERE p.queue = $1 AND p.priority = n.priority AND n.floor > p.floor)
		UPDATE {queues} q SET mark_seq = NULL, mark_xid = NULL FROM mark WHERE q.queue = $1`
)

// fullEvery is how often a claim does without hints, and how often the floors are raised.
const fullEvery = time.Second

// hints are the floors that this process knows, by priority.
type hints struct {
	floors map[int32]int64
	since  time.Time // the last claim without hints
}

// hinted are the hints of one claim; none for a full one.
type hinted struct {
	priorities []int32
	floors     []int64
}

func (h hinted) isFull() bool { return len(h.floors) == 0 }

// hinted returns the hints for the next claim.
func (q *Queue) hinted() hinted {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := hinted{priorities: []int32{}, floors: []int64{}}
	if time.Since(q.hints.since) >= fullEvery {
		clear(q.hints.floors)
		q.hints.since = time.Now()
		return h
	}
	for priority, floor := range q.hints.floors {
		h.priorities, h.floors = append(h.priorities, priority), append(h.floors, floor)
	}
	return h
}

// hint learns from what was claimed in line. What returned has a place of its own.
func (q *Queue) hint(all []found) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hints.floors == nil {
		q.hints.floors = map[int32]int64{}
	}
	if len(all) == 0 { // the next claim looks at everything
		clear(q.hints.floors)
		return
	}
	for i := range all {
		if f := &all[i]; f.receipt.claim == 1 && f.place == f.receipt.seq {
			q.hints.floors[f.priority] = max(q.hints.floors[f.priority], f.receipt.seq+1)
		}
	}
}

// raise raises the safe floors as far as possible.
func (q *Queue) raise(ctx context.Context) error {
	queue, last := q.number.Load(), int64(math.MaxInt64)
	return q.use(ctx, "tidy", func(ctx context.Context, s *store) error {
		// The number is read before the snapshot of the statement that stores it.
		if err := s.pool.QueryRow(ctx, s.sql(readNumber)).Scan(&last); err != nil {
			return err
		}
		b := &pgx.Batch{}
		b.Queue(s.sql(raiseFloor), queue)
		b.Queue(s.sql(setMark), queue, last)
		return s.pool.SendBatch(ctx, b).Close()
	})
}
