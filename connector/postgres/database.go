package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// database is a connector's way to its tables.
type database struct {
	what   string // of the connector, for errors: "postgres queue jobs"
	config DatabaseConfig
	clock  string // an expression for the time, in tests; "" for the server's clock

	using sync.RWMutex          // held for reading by those who use the store, so that it stays open
	store atomic.Pointer[store] // nil unless it is open
}

// open connects, or joins those of this process who are connected.
func (d *database) open(ctx context.Context) error {
	d.using.Lock()
	defer d.using.Unlock()
	if d.store.Load() != nil {
		return fmt.Errorf("%s is open already", d.what)
	}
	store, err := stores.acquire(ctx, storeKey{config: d.config, now: d.clock})
	if err != nil {
		return d.failed("open", err)
	}
	d.store.Store(store)
	return nil
}

// close does nothing if it is not open.
func (d *database) close(ctx context.Context) error {
	d.using.Lock()
	defer d.using.Unlock()
	store := d.store.Swap(nil)
	if store == nil {
		return nil
	}
	if err := stores.release(ctx, store); err != nil {
		return d.failed("close", err)
	}
	return nil
}

// maxRuns is how often a transaction is tried if the server undoes it because of another one.
const maxRuns = 5

// write runs a part of a call in one transaction, which is committed when write returns nil. What run sets must be set again when it
// runs again: the server may undo a transaction that blocks another one.
func (d *database) write(ctx context.Context, step string, run func(ctx context.Context, t *tx) error) error {
	return d.use(ctx, step, func(ctx context.Context, s *store) error {
		t := &tx{store: s}
		err := pgx.BeginFunc(ctx, s.pool, func(inner pgx.Tx) error {
			t.run = inner
			t.woken = nil
			return run(ctx, t)
		})
		if err == nil {
			s.wake.up(t.woken)
		}
		return err
	})
}

// send runs statements in one round trip and one transaction. What they set must be set again when they run again.
func (d *database) send(ctx context.Context, step string, fill func(s *store, b *pgx.Batch)) error {
	return d.use(ctx, step, func(ctx context.Context, s *store) error {
		b := &pgx.Batch{}
		fill(s, b)
		return s.pool.SendBatch(ctx, b).Close()
	})
}

// use keeps the connections open meanwhile, and limits the time.
func (d *database) use(ctx context.Context, step string, do func(ctx context.Context, s *store) error) error {
	d.using.RLock()
	defer d.using.RUnlock()
	store := d.store.Load()
	if store == nil {
		return fmt.Errorf("%s %w", d.what, ErrClosed)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %s: %w", d.what, step, context.Cause(ctx))
	}
	limited, cancel := context.WithTimeoutCause(ctx, d.config.ConnectTimeout+d.config.StatementTimeout, errSlow)
	defer cancel()
	var err error
	for range maxRuns {
		if err = do(limited, store); !isRepeatable(err) {
			break
		}
	}
	if err == nil {
		return nil
	}
	if isReadOnly(err) {
		store.pool.Reset() // the next connections are to the primary
	}
	if limited.Err() != nil && ctx.Err() == nil {
		err = errors.Join(errSlow, err)
	}
	return d.failed(step, err)
}

var errSlow = errors.New("the server did not answer within connect_timeout and statement_timeout; see whether it can be reached")

func (d *database) failed(step string, err error) error {
	return fmt.Errorf("%s: %s: %w", d.what, step, explained(err))
}

// micros is a duration in microseconds, rounded up so that what lasts for d never lasts shorter.
func micros(d time.Duration) int64 {
	whole := int64(d / time.Microsecond)
	if d%time.Microsecond > 0 {
		whole++
	}
	return whole
}

// utc is a stored time; NULL is the zero time.
func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// orNull is a time as it is stored; the zero time is NULL.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
