package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// pgRiver is River on PostgreSQL, with as many connections as ours, 100 workers, and fetching as often as it can.
type pgRiver struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
	worked atomic.Int64
	all    chan struct{} // closed when as many as there are have been worked on
	items  int64
}

type pgRiverWorker struct {
	river.WorkerDefaults[riverJob]

	queue *pgRiver
}

// Work does nothing but count.
func (w *pgRiverWorker) Work(ctx context.Context, _ *river.Job[riverJob]) error {
	if w.queue.worked.Add(1) == w.queue.items {
		close(w.queue.all)
	}
	return noop(ctx)
}

func (p *PostgresQueues) river(
	name string, filled bool, run func(ctx context.Context, r *pgRiver, items int) (int, error),
) Contestant {
	return p.inSchema(name, func(ctx context.Context, schema string, items int) (opened, error) {
		r, err := openPostgresRiver(ctx, p.url, schema, items)
		if err != nil {
			return opened{}, err
		}
		if filled {
			err = r.fill(ctx, items)
		}
		return opened{
			close: func() error { r.pool.Close(); return nil },
			run:   func(ctx context.Context, items int) (int, error) { return run(ctx, r, items) },
		}, err
	})
}

func openPostgresRiver(ctx context.Context, url, schema string, items int) (*pgRiver, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the address: %w", err)
	}
	config.MaxConns = 4
	config.ConnConfig.RuntimeParams["search_path"] = schema
	r := &pgRiver{all: make(chan struct{}), items: int64(items)}
	if r.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	logger := slog.New(slog.DiscardHandler)
	migrator, err := rivermigrate.New(riverpgxv5.New(r.pool), &rivermigrate.Config{Logger: logger})
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	known := river.NewWorkers()
	river.AddWorker(known, &pgRiverWorker{queue: r})
	if err == nil {
		r.client, err = river.NewClient(riverpgxv5.New(r.pool), &river.Config{
			Logger: logger, Workers: known, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: batchSize}},
			FetchCooldown: time.Millisecond, FetchPollInterval: time.Millisecond,
		})
	}
	if err != nil {
		r.pool.Close()
		return nil, errors.Join(errors.New("set River up"), err)
	}
	return r, nil
}

func (r *pgRiver) fill(ctx context.Context, items int) error {
	return inBatches(items, func(first, n int) error {
		jobs := make([]river.InsertManyParams, n)
		for i := range jobs {
			jobs[i].Args = riverJob{Payload: queuedPayload(first + i)}
		}
		_, err := r.client.InsertManyFast(ctx, jobs)
		return err
	})
}

// work has River work until there are no more, and what it did is durable.
func (r *pgRiver) work(ctx context.Context) (completed int, err error) {
	if err := r.client.Start(ctx); err != nil {
		return 0, fmt.Errorf("start River: %w", err)
	}
	select {
	case <-r.all:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	if err := r.client.Stop(ctx); err != nil {
		return 0, fmt.Errorf("stop River: %w", err)
	}
	err = r.pool.QueryRow(ctx, "SELECT count(*) FROM river_job WHERE state = 'completed'").Scan(&completed)
	return completed, err
}
