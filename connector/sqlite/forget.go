package sqlite

import (
	"context"
	"time"
)

const (
	forgetSettled = `DELETE FROM items WHERE seq IN (
		SELECT seq FROM items WHERE queue = ? AND state = 'settled' AND due_at <= ? LIMIT ?) RETURNING seq`
	anyForgotten = `SELECT 1 FROM items WHERE queue = ? AND state = 'settled' AND due_at <= ? LIMIT 1`
)

// forget deletes settled items whose time is up. Each settlement deletes twice as many as it makes, so that a queue at work
// never falls behind.
func (q *Queue) forget(t *tx, now int64, most int) error {
	return t.remove(forgetSettled, q.number.Load(), now, most)
}

const (
	tidyEvery = time.Second
	maxTidied = 1000
	minUnused = 1024 // pages, 4 MB: less is kept for later
)

// tidy deletes what is forgotten, and gives space back to the file system, of a queue that has nothing else to do.
func (q *Queue) tidy(ctx context.Context) error {
	now := q.micros()
	if last := q.tidied.Load(); now < last+tidyEvery.Microseconds() || !q.tidied.CompareAndSwap(last, now) {
		return nil
	}
	var forgotten, unused, pages int64
	err := q.read(ctx, "tidy", func(c *conn) (err error) {
		if forgotten, err = c.number(ctx, anyForgotten, q.number.Load(), now); err != nil {
			return err
		}
		if unused, err = c.number(ctx, "PRAGMA freelist_count"); err != nil {
			return err
		}
		pages, err = c.number(ctx, "PRAGMA page_count")
		return err
	})
	shrinks := unused >= minUnused && 4*unused > pages
	if err != nil || forgotten == 0 && !shrinks {
		return err
	}
	return q.write(ctx, "tidy", func(t *tx) error {
		if shrinks {
			if _, err := t.exec("PRAGMA incremental_vacuum(1024)"); err != nil {
				return err
			}
		}
		return q.forget(t, now, maxTidied)
	})
}
