package postgres

import (
	"context"
	"time"
)

// forgetItems deletes settled items whose time is up. $2 is the maximum number of batches, each of which was settled together.
const forgetItems = `WITH rung AS (DELETE FROM {timers} t USING (SELECT timer FROM {timers}
			WHERE queue = $1 AND kind = 'forget' AND at <= {now} ORDER BY at LIMIT $2::bigint FOR UPDATE SKIP LOCKED) d
		WHERE t.timer = d.timer RETURNING t.items)
	DELETE FROM {items} i WHERE i.queue = $1 AND i.seq IN (SELECT unnest(items) FROM rung) AND i.state = 'settled' AND i.due_at <= {now}`

const (
	tidyEvery = fullEvery
	// forgetWith is how many batches a settlement forgets, and forgetIdle how many a queue that has nothing else to do.
	forgetWith = 2
	forgetIdle = 100
)

// tidy deletes what is forgotten and raises the floors, at most once in tidyEvery.
func (q *Queue) tidy(ctx context.Context) error {
	if !q.isUntidy() {
		return nil
	}
	err := q.use(ctx, "tidy", func(ctx context.Context, s *store) error {
		_, err := s.pool.Exec(ctx, s.sql(forgetItems), q.number.Load(), forgetIdle)
		return err
	})
	if err != nil {
		return err
	}
	return q.raise(ctx)
}

// isUntidy is true for one caller in tidyEvery.
func (q *Queue) isUntidy() bool {
	last := q.tidied.Load()
	return elapsed(last) >= tidyEvery && q.tidied.CompareAndSwap(last, time.Now().UnixNano())
}
