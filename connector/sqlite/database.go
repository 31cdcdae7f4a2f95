package sqlite

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// database is a connector's way to its file.
type database struct {
	what   string // of the connector, for errors: "sqlite queue jobs"
	config DatabaseConfig
	now    func() time.Time

	using sync.RWMutex          // held for reading by those who use the store, so that it stays open
	store atomic.Pointer[store] // nil unless it is open
}

func newDatabase(what string, c DatabaseConfig, now func() time.Time) database {
	if now == nil {
		now = time.Now
	}
	return database{what: what, config: c, now: now}
}

// open opens the file, or joins those of this process who have it open.
func (d *database) open(ctx context.Context) error {
	d.using.Lock()
	defer d.using.Unlock()
	if d.store.Load() != nil {
		return fmt.Errorf("%s is open already", d.what)
	}
	if err := makeDirs(d.config); err != nil {
		return d.failed("open", err)
	}
	store, err := files.acquire(ctx, d.config)
	if err != nil {
		return d.failed("open", err)
	}
	d.store.Store(store)
	return nil
}

// close does nothing where it is not open.
func (d *database) close(ctx context.Context) error {
	d.using.Lock()
	defer d.using.Unlock()
	store := d.store.Swap(nil)
	if store == nil {
		return nil
	}
	err := files.release(ctx, store)
	if err != nil {
		return d.failed("close", err)
	}
	return nil
}

// write runs run as a part of a transaction, which is committed when write returns nil. What run sets must be set again when
// it is run again.
func (d *database) write(ctx context.Context, step string, run func(*tx) error) error {
	return d.use(ctx, step, func(s *store) error {
		return s.writer.write(ctx, d.config.BusyTimeout, &job{step: step, run: run})
	})
}

// read has run see the file as it is at one moment.
func (d *database) read(ctx context.Context, step string, run func(*conn) error) error {
	return d.glance(ctx, step, func(c *conn) error { return c.snapshot(run) })
}

// glance is read for a single statement.
func (d *database) glance(ctx context.Context, step string, run func(*conn) error) error {
	return d.use(ctx, step, func(s *store) error {
		if err := s.reader.read(ctx, run); err != nil {
			return err
		}
		return s.place.checkParts()
	})
}

// use keeps the file open meanwhile.
func (d *database) use(ctx context.Context, step string, do func(*store) error) error {
	d.using.RLock()
	defer d.using.RUnlock()
	store := d.store.Load()
	if store == nil {
		return fmt.Errorf("%s %w", d.what, ErrClosed)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %s: %w", d.what, step, context.Cause(ctx))
	}
	if err := do(store); err != nil {
		return d.failed(step, store.place.explain(err))
	}
	return nil
}

func (d *database) failed(step string, err error) error {
	return fmt.Errorf("%s: %s: %s: %w", d.what, d.config.file(), step, explained(err))
}

// micros is the time now as it is stored.
func (d *database) micros() int64 { return d.now().UnixMicro() }

// timeOf is a stored time; NULL, which reads as 0, is the zero time.
func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// microsOf is a time as it is stored; the zero time is NULL.
func microsOf(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}
