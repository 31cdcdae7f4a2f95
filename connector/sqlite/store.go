package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"
)

// store is one file that this process has open, shared by all connectors that name it.
type store struct {
	path   string
	id     string // of its own, in the file
	info   fs.FileInfo
	place  *place
	writer *writer
	reader *reader

	users int  // guarded by files
	full  bool // durability; guarded by files

	mu      sync.Mutex
	arrived map[int64]chan struct{} // by queue: closed when there may be something to claim
}

// files are those that this process has open. This is the package's only global: SQLite's locks are a process's, so what
// shares them, and wakes each other, is a process's as well.
var files = openFiles{turn: newTurn()} //nolint:gochecknoglobals // see above

type openFiles struct {
	turn   turn // of whoever opens or closes
	stores []*store
}

// acquire returns the store of a file, which it opens, and brings up to date, where this process has not yet.
func (f *openFiles) acquire(ctx context.Context, c DatabaseConfig) (*store, error) {
	if err := f.turn.begin(ctx); err != nil {
		return nil, err
	}
	defer f.turn.end()
	info, err := create(c.file())
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(f.stores, func(s *store) bool { return os.SameFile(s.info, info) })
	if at < 0 {
		s, err := openStore(ctx, c, info)
		if err != nil {
			return nil, err
		}
		f.stores = append(f.stores, s)
		at = len(f.stores) - 1
	}
	s := f.stores[at]
	if c.Durability == DurabilityFull && !s.full {
		if err := s.writer.exclusively(ctx, (*conn).confirmCommits); err != nil {
			return nil, err
		}
		s.full = true
	}
	s.users++
	return s, nil
}

// release closes the file once nobody uses it.
func (f *openFiles) release(ctx context.Context, s *store) error {
	if err := f.turn.begin(ctx); err != nil {
		return err
	}
	defer f.turn.end()
	s.users--
	if s.users > 0 {
		return nil
	}
	f.stores = slices.DeleteFunc(f.stores, func(other *store) bool { return other == s })
	return errors.Join(s.reader.close(ctx), s.writer.close(ctx))
}

func openStore(ctx context.Context, c DatabaseConfig, info fs.FileInfo) (_ *store, err error) {
	s := &store{path: c.file(), info: info, arrived: map[int64]chan struct{}{}}
	writing, err := connect(s.path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, writing.close())
		}
	}()
	if err := writing.prepareWriting(ctx, c.BusyTimeout); err != nil {
		return nil, err
	}
	s.writer = newWriter(writing, s.wake)
	if err := s.writer.migrate(ctx, c.BusyTimeout); err != nil {
		return nil, err
	}
	err = retryBusy(ctx, c.BusyTimeout, func() error {
		s.id, err = writing.identity()
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.reader, err = openReader(s.path, c.BusyTimeout); err != nil {
		return nil, err
	}
	s.place = newPlace(s.path, info)
	s.writer.durable = s.place.durable
	return s, nil
}

// prepareWriting sets what a connection that writes needs. Where the file is empty it is given a form that can shrink.
func (c *conn) prepareWriting(ctx context.Context, patience time.Duration) error {
	for _, pragma := range []string{
		"PRAGMA auto_vacuum = INCREMENTAL",
		"PRAGMA synchronous = NORMAL",
		"PRAGMA cache_size = -16384",           // KiB
		"PRAGMA wal_autocheckpoint = 4000",     // pages: a checkpoint every 16 MB
		"PRAGMA journal_size_limit = 67108864", // after a checkpoint no more of the log is kept than that
		"PRAGMA temp_store = MEMORY",
	} {
		if err := retryBusy(ctx, patience, func() error { _, err := c.exec(pragma); return err }); err != nil {
			return err
		}
	}
	var mode string
	err := retryBusy(ctx, patience, func() error {
		return c.query(context.Background(), "PRAGMA journal_mode = WAL", func(r row) error {
			mode = r.text(0)
			return nil
		})
	})
	if err == nil && mode != "wal" {
		err = fmt.Errorf("is on a file system that cannot share memory between processes (journal mode %s); put it on a local disk", mode)
	}
	return err
}

// confirmCommits has the disk confirm each commit, on macOS too, where that takes more than to ask for it.
func (c *conn) confirmCommits() error {
	for _, pragma := range []string{"PRAGMA synchronous = FULL", "PRAGMA fullfsync = ON", "PRAGMA checkpoint_fullfsync = ON"} {
		if _, err := c.exec(pragma); err != nil {
			return err
		}
	}
	return nil
}

// arrival returns a channel that is closed when there may be something new to claim from a queue.
func (s *store) arrival(queue int64) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	arrived, ok := s.arrived[queue]
	if !ok {
		arrived = make(chan struct{})
		s.arrived[queue] = arrived
	}
	return arrived
}

// wake wakes who waits for the queues that a transaction has touched.
func (s *store) wake(t *tx) {
	if len(t.woken) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, queue := range t.woken {
		if arrived, ok := s.arrived[queue]; ok {
			close(arrived)
			delete(s.arrived, queue)
		}
	}
}
