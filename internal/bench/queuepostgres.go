package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/postgres"
)

// PostgresQueues is where contestants keep their queues in a PostgreSQL database, each in a schema of its own that is made anew for
// every run. It is used by one goroutine.
type PostgresQueues struct {
	*QueueFiles

	url string
}

// NewPostgresQueues returns the queues in the database of an address. folder is for their names only.
func NewPostgresQueues(url, folder string) *PostgresQueues {
	return &PostgresQueues{QueueFiles: NewQueueFiles(folder), url: url}
}

// inSchema is a contestant whose runs each find a schema that open has filled with as many items.
func (p *PostgresQueues) inSchema(name string, open func(ctx context.Context, schema string, items int) (opened, error)) Contestant {
	return p.contestant(name, func(ctx context.Context, path string, items int) (opened, error) {
		schema := "bench" + filepath.Base(filepath.Dir(path))
		pool, err := pgxpool.New(ctx, p.url)
		if err != nil {
			return opened{}, fmt.Errorf("connect: %w", err)
		}
		defer pool.Close()
		if _, err := pool.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE; CREATE SCHEMA "+schema); err != nil {
			return opened{}, fmt.Errorf("make schema %s: %w", schema, err)
		}
		return open(ctx, schema, items)
	})
}

// pgQueues are two queues in one schema.
type pgQueues struct {
	config  postgres.QueueConfig
	in, out *postgres.Queue
}

// ergonIn is a contestant that uses our queues.
func (p *PostgresQueues) ergonIn(
	name string, filled bool, change func(*postgres.QueueConfig), run func(ctx context.Context, q pgQueues, items int) (int, error),
) Contestant {
	return p.inSchema(name, func(ctx context.Context, schema string, items int) (opened, error) {
		q := pgQueues{config: postgres.DefaultQueueConfig()}
		q.config.URL, q.config.Schema, q.config.MaxWait = p.url, schema, 0
		change(&q.config)
		var err error
		if q.in, err = q.queue("in"); err == nil {
			q.out, err = q.queue("out")
		}
		if err == nil {
			err = errors.Join(q.in.Open(ctx), q.out.Open(ctx))
		}
		if err == nil && filled {
			err = q.fill(ctx, items)
		}
		return opened{
			close: func() error { return errors.Join(q.in.Close(context.Background()), q.out.Close(context.Background())) },
			run:   func(ctx context.Context, items int) (int, error) { return run(ctx, q, items) },
		}, err
	})
}

func (q pgQueues) queue(name string) (*postgres.Queue, error) {
	settings := postgres.QueueSettings{QueueConfig: q.config}
	settings.Queue = name
	return postgres.NewQueue(settings)
}

func (q pgQueues) fill(ctx context.Context, items int) error {
	return inBatches(items, func(first, n int) error { return q.in.DispatchTransactions(ctx, queuedTransactions(first, n)) })
}

func inPostgres(*postgres.QueueConfig) {}

func inPostgresWithoutDedup(c *postgres.QueueConfig) { c.DedupWindow = 0 }

// PostgresEnqueue are the ways to enqueue in PostgreSQL, a batch of 100 in each commit.
func PostgresEnqueue(p *PostgresQueues) []Contestant {
	fill := func(ctx context.Context, q pgQueues, items int) (int, error) { return items, q.fill(ctx, items) }
	return []Contestant{
		p.byHand("by hand", false, func(ctx context.Context, h pgByHand, items int) (int, error) { return items, h.fill(ctx, items) }),
		p.ergonIn("ergon", false, inPostgres, fill),
		p.river("River", false, func(ctx context.Context, r *pgRiver, items int) (int, error) { return items, r.fill(ctx, items) }),
	}
}

// PostgresWork are the ways to claim items and settle them in PostgreSQL, 100 in each commit, without an engine and with one.
func PostgresWork(p *PostgresQueues) []Contestant {
	settle := func(ctx context.Context, q pgQueues, _ int) (int, error) {
		return eachBatch(ctx, q.in, func(batch []ergon.Transaction) error { return q.in.SettleTransactions(ctx, acknowledged(batch)) })
	}
	return []Contestant{
		p.byHand("by hand", true, func(ctx context.Context, h pgByHand, _ int) (int, error) { return h.settle(ctx) }),
		p.ergonIn("ergon, dedup_window: 0", true, inPostgresWithoutDedup, settle),
		p.ergonIn("ergon", true, inPostgres, settle),
		p.ergonIn("ergon, by the engine, a batch ahead", true, inPostgres, func(ctx context.Context, q pgQueues, _ int) (int, error) {
			return runTask(ctx, newConsumer(noop), func(name string) (any, error) { return q.queue(name) }, ahead)
		}),
		p.river("River", true, func(ctx context.Context, r *pgRiver, _ int) (int, error) { return r.work(ctx) }),
	}
}

// pgByHand is a queue as one would write it for one purpose: ids are known while their items are there, a claim has a lease and a
// token, and nothing else.
type pgByHand struct{ conn *pgx.Conn }

const (
	pgHandTable = `CREATE TABLE items (
		seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		id text NOT NULL UNIQUE,
		state integer NOT NULL DEFAULT 0,
		due_at timestamptz,
		claims integer NOT NULL DEFAULT 0,
		enqueued_at timestamptz NOT NULL DEFAULT now(),
		payload bytea NOT NULL)`
	pgHandLine   = `CREATE INDEX items_line ON items (seq) WHERE state = 0`
	pgHandInsert = `INSERT INTO items (id, payload) SELECT id, payload FROM unnest($1::text[], $2::bytea[]) AS i (id, payload)
		ON CONFLICT DO NOTHING`
	pgHandClaim = `UPDATE items SET state = 1, due_at = now() + interval '30 seconds', claims = claims + 1 WHERE seq IN (
		SELECT seq FROM items WHERE state = 0 ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING seq, claims, id, payload`
	pgHandSettle = `DELETE FROM items i USING unnest($1::bigint[], $2::integer[]) AS r (seq, claims)
		WHERE i.seq = r.seq AND i.claims = r.claims AND i.state = 1 AND i.due_at > now()`
)

func (p *PostgresQueues) byHand(
	name string, filled bool, run func(ctx context.Context, h pgByHand, items int) (int, error),
) Contestant {
	return p.inSchema(name, func(ctx context.Context, schema string, items int) (opened, error) {
		config, err := pgx.ParseConfig(p.url)
		if err != nil {
			return opened{}, fmt.Errorf("read the address: %w", err)
		}
		config.RuntimeParams["search_path"] = schema
		h := pgByHand{}
		if h.conn, err = pgx.ConnectConfig(ctx, config); err != nil {
			return opened{}, fmt.Errorf("connect: %w", err)
		}
		for _, statement := range []string{pgHandTable, pgHandLine} {
			if err == nil {
				_, err = h.conn.Exec(ctx, statement)
			}
		}
		if err == nil && filled {
			err = h.fill(ctx, items)
		}
		return opened{
			close: func() error { return h.conn.Close(context.Background()) },
			run:   func(ctx context.Context, items int) (int, error) { return run(ctx, h, items) },
		}, err
	})
}

func (h pgByHand) fill(ctx context.Context, items int) error {
	return inBatches(items, func(first, n int) error {
		ids, payloads := make([]string, n), make([][]byte, n)
		for i := range n {
			ids[i], payloads[i] = queuedID(first+i), queuedPayload(first+i)
		}
		_, err := h.conn.Exec(ctx, pgHandInsert, ids, payloads)
		return err
	})
}

func (h pgByHand) settle(ctx context.Context) (done int, err error) {
	for {
		rows, err := h.conn.Query(ctx, pgHandClaim, batchSize)
		if err != nil {
			return done, fmt.Errorf("claim: %w", err)
		}
		var seqs []int64
		var claims []int32
		for rows.Next() {
			var seq int64
			var claim int32
			var id string
			var payload []byte
			if err := rows.Scan(&seq, &claim, &id, &payload); err != nil {
				return done, fmt.Errorf("claim: %w", err)
			}
			seqs, claims = append(seqs, seq), append(claims, claim)
		}
		if err := rows.Err(); err != nil || len(seqs) == 0 {
			return done, err
		}
		tag, err := h.conn.Exec(ctx, pgHandSettle, seqs, claims)
		if err != nil {
			return done, fmt.Errorf("settle: %w", err)
		}
		done += int(tag.RowsAffected())
	}
}
