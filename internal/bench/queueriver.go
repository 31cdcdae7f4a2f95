package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

// riverQueue is River on SQLite, as its documentation sets it up: one connection, write-ahead log. Commits are confirmed by the
// disk, as those of the others are. It polls as often as it can.
type riverQueue struct {
	db     *sql.DB
	client *river.Client[*sql.Tx]
	worked atomic.Int64
	all    chan struct{} // closed when as many as there are have been worked on
	items  int64
}

type riverJob struct {
	Payload []byte `json:"payload"`
}

// Kind names the job for River.
func (riverJob) Kind() string { return "item" }

type riverWorker struct {
	river.WorkerDefaults[riverJob]

	queue *riverQueue
}

// Work does nothing but count.
func (w *riverWorker) Work(ctx context.Context, _ *river.Job[riverJob]) error {
	if w.queue.worked.Add(1) == w.queue.items {
		close(w.queue.all)
	}
	return noop(ctx)
}

func openRiver(ctx context.Context, path string, items int) (q *riverQueue, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(60000)"+
		"&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-16384)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	q = &riverQueue{db: db, all: make(chan struct{}), items: int64(items)}
	logger := slog.New(slog.DiscardHandler)
	migrator, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: logger})
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("have River make its tables: %w", err), db.Close())
	}
	known := river.NewWorkers()
	river.AddWorker(known, &riverWorker{queue: q})
	q.client, err = river.NewClient(riversqlite.New(db), &river.Config{
		Logger: logger, Workers: known, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: batchSize}},
		FetchCooldown: time.Millisecond, FetchPollInterval: time.Millisecond,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make River's client: %w", err), db.Close())
	}
	return q, nil
}

func (q *riverQueue) fill(ctx context.Context, items int) error {
	return inBatches(items, func(first, n int) error {
		jobs := make([]river.InsertManyParams, n)
		for i := range jobs {
			jobs[i].Args = riverJob{Payload: queuedPayload(first + i)}
		}
		_, err := q.client.InsertManyFast(ctx, jobs)
		return err
	})
}

// work has River work until there are no more, and what it did is durable.
func (q *riverQueue) work(ctx context.Context) (int, error) {
	if err := q.client.Start(ctx); err != nil {
		return 0, fmt.Errorf("start River: %w", err)
	}
	select {
	case <-q.all:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	if err := q.client.Stop(ctx); err != nil {
		return 0, fmt.Errorf("stop River: %w", err)
	}
	var completed int
	err := q.db.QueryRowContext(ctx, "SELECT count(*) FROM river_job WHERE state = 'completed'").Scan(&completed)
	return completed, err
}

func (q *riverQueue) close() error { return q.db.Close() }

// RiverEnqueue and RiverWork are ways to enqueue, and to work on what is enqueued, with River beside ours: as many workers,
// jobs that do nothing, a batch of 100 in each insert.
func RiverEnqueue(files *QueueFiles) []Contestant {
	return []Contestant{
		Enqueue(files)[2],
		files.contestant("River on SQLite", func(ctx context.Context, path string, items int) (opened, error) {
			q, err := openRiver(ctx, path, items)
			if err != nil {
				return opened{}, err
			}
			return opened{close: q.close, run: func(ctx context.Context, items int) (int, error) { return items, q.fill(ctx, items) }}, nil
		}),
	}
}

// RiverWork is described with RiverEnqueue.
func RiverWork(files *QueueFiles) []Contestant {
	return []Contestant{
		ergonOn(files, "ergon, by the engine", asConfigured, engineTakes()),
		files.contestant("River on SQLite", func(ctx context.Context, path string, items int) (opened, error) {
			q, err := openRiver(ctx, path, items)
			if err != nil {
				return opened{}, err
			}
			return opened{
				close: q.close,
				run:   func(ctx context.Context, _ int) (int, error) { return q.work(ctx) },
			}, q.fill(ctx, items)
		}),
	}
}
