package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
)

// How often a fetch that waits looks whether other processes have written. Looking reads a counter in shared memory, a few
// microseconds.
const (
	shortestPoll = time.Millisecond
	longestPoll  = 50 * time.Millisecond
)

// FetchTransactions delivers up to limit transactions, by priority and then in the order of dispatch. If there is none, it waits
// up to max_wait. It wakes up at once after a dispatch or requeue of this process, when a delayed transaction is due, and within
// 50 ms after a change by another process. A fetch from an empty queue only reads the file.
func (q *Queue) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if limit < 1 {
		return nil, fmt.Errorf("%s: fetch of %d transactions: the limit must be at least 1", q.what, limit)
	}
	giveUp := time.Now().Add(q.settings.MaxWait)
	claim := !q.idle.Load()
	for {
		store := q.store.Load()
		if store == nil {
			return nil, fmt.Errorf("%s %w", q.what, ErrClosed)
		}
		arrived := store.arrival(q.number.Load())
		if claim {
			batch, err := q.claim(ctx, limit)
			q.idle.Store(err == nil && len(batch) == 0)
			if len(batch) > 0 || err != nil {
				return batch, err
			}
		}
		if err := q.tidy(ctx); err != nil {
			return nil, err
		}
		claimable, err := q.await(ctx, arrived, giveUp, claim)
		if !claimable || err != nil {
			return nil, err
		}
		claim = true
	}
}

// await returns true when there may be something to claim, and false when there is nothing until giveUp, or, in a finite
// queue, with ergon.ErrExhausted when there is nothing ever. What is there although it was claimed a moment ago, which then
// brought nothing, has it wait a little before it says so again: whoever claims in between does not keep a fetch from its end.
func (q *Queue) await(ctx context.Context, arrived <-chan struct{}, giveUp time.Time, claimed bool) (bool, error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	seen, next := int64(-1), view{}
	for interval := shortestPoll; ; interval = min(2*interval, longestPoll) {
		version, err := q.version(ctx)
		if err != nil {
			return false, err
		}
		if version != seen {
			if next, err = q.look(ctx); err == nil {
				err = q.exhausted(ctx)
			}
			if err != nil {
				return false, err
			}
			seen = version
		}
		left, now := time.Until(giveUp), q.micros()
		wait := min(interval, left, next.until(now))
		switch there := next.claimable || next.due > 0 && next.due <= now; {
		case there && !claimed:
			return true, nil
		case left <= 0:
			return false, nil
		case there:
			wait = min(interval, left)
		}
		claimed = false
		timer.Reset(wait)
		select {
		case <-arrived:
			return true, nil
		case <-timer.C:
		case <-ctx.Done():
			return false, fmt.Errorf("%s: fetch: %w", q.what, context.Cause(ctx))
		}
	}
}

// view is what a look into the queue found: whether something is ready, and when the next is due (0: nothing is).
type view struct {
	claimable bool
	due       int64
}

func (v view) until(now int64) time.Duration {
	if v.due == 0 {
		return longestPoll
	}
	return time.Duration(max(v.due-now, 0)) * time.Microsecond
}

const (
	anyReady = `SELECT 1 FROM items WHERE queue = ? AND state = 'ready' AND due_at IS NULL LIMIT 1`
	nextDue  = `SELECT min(due_at) FROM (
		SELECT min(due_at) AS due_at FROM items WHERE queue = ?1 AND state = 'delayed' AND due_at > 0 UNION ALL
		SELECT min(due_at) FROM items WHERE queue = ?1 AND state = 'claimed' AND due_at > 0)`
)

func (q *Queue) look(ctx context.Context) (v view, err error) {
	queue := q.number.Load()
	err = q.read(ctx, "look", func(c *conn) error {
		ready, err := c.number(context.Background(), anyReady, queue)
		if err != nil {
			return err
		}
		last, err := q.readLast(c, q.micros())
		if err != nil {
			return err
		}
		v.claimable = ready != 0 || len(last) > 0
		v.due, err = c.number(context.Background(), nextDue, queue)
		return err
	})
	return v, err
}

// version is a number that changes whenever somebody has written to the file.
func (q *Queue) version(ctx context.Context) (n int64, err error) {
	err = q.glance(ctx, "look", func(c *conn) (err error) {
		n, err = c.number(context.Background(), "PRAGMA data_version")
		return err
	})
	return n, err
}
