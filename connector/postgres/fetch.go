package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
)

// lingers is the maximum time for which a claim continues after its context has ended: a claim that is cut off may have been committed,
// and what it claimed would wait for a lease.
const lingers = 4 * time.Second

// FetchTransactions delivers up to limit transactions, by priority and then in the order of dispatch. If there is none, it waits up to
// max_wait. It wakes up at once after a dispatch or requeue of this process, within a few milliseconds after one of another process
// if notifications work, when a delayed transaction is due, and otherwise within poll_interval.
func (q *Queue) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if limit < 1 {
		return nil, fmt.Errorf("%s: fetch of %d transactions: the limit must be at least 1", q.what, limit)
	}
	giveUp := time.Now().Add(q.settings.MaxWait)
	for interval := shortestPoll; ; interval = min(2*interval, q.config.PollInterval) {
		store := q.store.Load()
		if store == nil {
			return nil, fmt.Errorf("%s %w", q.what, ErrClosed)
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s: fetch: %w", q.what, context.Cause(ctx))
		}
		arrived := store.wake.arrival(q.number.Load())
		batch, next, err := q.claimLingering(ctx, limit)
		if len(batch) > 0 || err != nil {
			return batch, err
		}
		if err := q.tidy(ctx); err != nil {
			return nil, err
		}
		if err := q.exhausted(ctx); err != nil {
			return nil, err
		}
		left := time.Until(giveUp)
		if left <= 0 {
			return nil, nil
		}
		if err := q.await(ctx, arrived, min(left, next.pause(interval, q.config.PollInterval))); err != nil {
			return nil, err
		}
	}
}

// shortestPoll is the first pause of a fetch that waits. It doubles.
const shortestPoll = 5 * time.Millisecond

// pause is the time until the next look.
func (v view) pause(interval, longest time.Duration) time.Duration {
	pause := min(interval, longest)
	if v.due >= 0 {
		pause = min(pause, v.due)
	}
	return max(pause, time.Millisecond)
}

func (q *Queue) await(ctx context.Context, arrived <-chan struct{}, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-arrived:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: fetch: %w", q.what, context.Cause(ctx))
	}
}

func (q *Queue) claimLingering(ctx context.Context, limit int) ([]ergon.Transaction, view, error) {
	claiming, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		late := time.NewTimer(lingers)
		defer late.Stop()
		select {
		case <-late.C:
			cancel()
		case <-claiming.Done():
		}
	})
	defer stop()
	return q.claim(claiming, limit)
}

// What is neither ready nor waits for a time waits behind something that does, or is settled.
const anyUnsettled = `SELECT EXISTS (SELECT 1 FROM {returns} WHERE queue = $1)
	OR EXISTS (SELECT 1 FROM {timers} WHERE queue = $1 AND kind = 'poison')
	OR EXISTS (SELECT 1 FROM {priorities} p JOIN {items} i ON i.queue = $1 AND i.priority = p.priority AND i.line >= p.floor
		WHERE p.queue = $1 AND i.state = 'ready')
	OR EXISTS (SELECT 1 FROM (SELECT unnest(items) AS seq FROM {timers} WHERE queue = $1 AND kind = 'due' ORDER BY at DESC) t
		JOIN {items} i ON i.queue = $1 AND i.seq = t.seq AND i.state IN ('claimed', 'delayed'))`

// exhausted returns ergon.ErrExhausted for a finite queue in which everything is settled.
func (q *Queue) exhausted(ctx context.Context) error {
	if !q.settings.Finite {
		return nil
	}
	var unsettled bool
	err := q.use(ctx, "look", func(ctx context.Context, s *store) error {
		return s.pool.QueryRow(ctx, s.sql(anyUnsettled), q.number.Load()).Scan(&unsettled)
	})
	if err == nil && !unsettled {
		return ergon.ErrExhausted
	}
	return err
}
