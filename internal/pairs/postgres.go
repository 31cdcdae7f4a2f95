package pairs

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/postgres"
)

// Row names of parts that need a PostgreSQL database.
const partPostgres = "postgres"

// NeedsPostgres reports whether the row needs a PostgreSQL database.
func (r Row) NeedsPostgres() bool { return slices.Contains(r[:axisWorkers], partPostgres) }

// inPostgres is the configuration of a connector to the tables of the row.
func inPostgres(kind, more string) string {
	return `{type: ` + kind + `, url: "%[2]s", schema: pairs, prefix: "%[3]s"` + more + `}`
}

// prefix begins the names of the row's tables.
func (s *rowRun) prefix() string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.folder)) // a hash never fails
	return "r" + strconv.FormatUint(h.Sum64(), 16) + "_"
}

func (s *rowRun) tables() postgres.DatabaseConfig {
	c := postgres.DefaultDatabaseConfig()
	c.URL, c.Schema, c.Prefix = s.database, "pairs", s.prefix()
	return c
}

func openPostgres(ctx context.Context, s *rowRun, queue string) (*postgres.Queue, error) {
	settings := postgres.QueueSettings{QueueConfig: postgres.DefaultQueueConfig()}
	settings.DatabaseConfig, settings.Queue = s.tables(), queue
	q, err := postgres.NewQueue(settings)
	if err != nil {
		return nil, err
	}
	err = q.Open(ctx)
	return q, err
}

// enqueuePostgres puts items into the queue that a row reads from.
func enqueuePostgres(s *rowRun, items []item) (err error) {
	ctx := context.Background()
	q, err := openPostgres(ctx, s, "in")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close(ctx)) }()
	batch := make([]ergon.Transaction, len(items))
	for i, one := range items {
		batch[i] = transactionOf(one)
	}
	return q.DispatchTransactions(ctx, batch)
}

func queuedPostgres(s *rowRun) (all []string, err error) {
	ctx := context.Background()
	q, err := openPostgres(ctx, s, "out")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.Close(ctx)) }()
	return peeked(ctx, q)
}

func buriedPostgres(s *rowRun) (all []string, err error) {
	ctx := context.Background()
	settings := postgres.DeadLettersSettings{DeadLettersConfig: postgres.DefaultDeadLettersConfig()}
	settings.DatabaseConfig = s.tables()
	store, err := postgres.NewDeadLetters(settings)
	if err != nil {
		return nil, err
	}
	if err := store.Open(ctx); err != nil {
		return nil, errors.Join(err, store.Close(ctx))
	}
	defer func() { err = errors.Join(err, store.Close(ctx)) }()
	return listed(ctx, store)
}
