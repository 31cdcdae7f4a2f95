package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/ergon-go/ergon"
)

// Enqueue adds transactions in a database transaction of the caller, which must be one of the same database: they are in the queue
// when it commits, and not at all if it does not. Nothing is committed here. It reports and refuses as [Queue.DispatchTransactions]
// does; a report says what holds if the caller commits. After an error that is no *BatchError the server may have ended the
// transaction: roll it back.
//
// Until the commit, transactions with an ordering key hold back settlements and enqueues of the same key: keep it short.
func (q *Queue) Enqueue(ctx context.Context, t pgx.Tx, batch []ergon.Transaction) error {
	return q.enqueueIn(ctx, batch, func(s *store) runner { return &tx{store: s, run: t} })
}

// EnqueueSQL is [Queue.Enqueue] for a transaction of database/sql, with any driver for PostgreSQL.
func (q *Queue) EnqueueSQL(ctx context.Context, t *sql.Tx, batch []ergon.Transaction) error {
	return q.enqueueIn(ctx, batch, func(s *store) runner { return &sqlRunner{names: &s.names, run: t} })
}

const notify = `SELECT pg_notify($1, $2)`

func (q *Queue) enqueueIn(ctx context.Context, batch []ergon.Transaction, in func(s *store) runner) error {
	items, failures := q.encode(batch)
	if len(items) == 0 {
		return failures.err()
	}
	if err := q.levels(ctx, items); err != nil {
		return err
	}
	q.using.RLock()
	defer q.using.RUnlock()
	s := q.store.Load()
	if s == nil {
		return fmt.Errorf("%s %w", q.what, ErrClosed)
	}
	r, to := in(s), q.intake()
	err := to.enqueue(ctx, r, items)
	if err == nil && s.wake.works {
		// It arrives when the transaction commits, also in this process.
		err = r.query(ctx, notify, nil, s.wake.channel, strconv.FormatInt(to.queue, 10))
	}
	if err != nil {
		return q.failed("enqueue", err)
	}
	q.tell(ctx, to.known, &failures)
	return failures.err()
}
