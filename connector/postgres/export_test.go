package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/ergon-go/ergon/internal/queueitem"
)

// SetClock makes a queue that is not open yet read the time from an expression.
func (d *database) SetClock(expression string) { d.clock = expression }

// Exec runs a template on the queue's tables.
func Exec(ctx context.Context, q *Queue, template string, arguments ...any) error {
	s := q.store.Load()
	_, err := s.pool.Exec(ctx, s.sql(template), arguments...)
	return err
}

// Number returns the number that a template finds in the queue's tables.
func Number(ctx context.Context, q *Queue, template string, arguments ...any) (n int64, err error) {
	s := q.store.Load()
	err = s.pool.QueryRow(ctx, s.sql(template), arguments...).Scan(&n)
	return n, err
}

// QueueNumber is the number of the queue in its tables.
func QueueNumber(q *Queue) int64 { return q.number.Load() }

// Raise raises the floors as far as possible.
func Raise(ctx context.Context, q *Queue) error { return q.raise(ctx) }

// IsNotified tells whether notifications arrive.
func IsNotified(q *Queue) bool { return q.store.Load().wake.works }

// Reasons are the texts of this package, and of the queues in all databases, that must be the same.
func Reasons() (here, everywhere []string) {
	return []string{reasonLost, reasonRejected}, []string{queueitem.ReasonLost, queueitem.ReasonRejected}
}

// Storable and Read are the texts as they are stored and as they are read.
func Storable(text string) string { return storable(text) }

// Read is the reverse of Storable.
func Read(text string) string { return read(text) }

// Explain lends a connection of the queue, and the statement of a claim.
func Explain(ctx context.Context, q *Queue, use func(ctx context.Context, conn *pgx.Conn, claim string) error) error {
	s := q.store.Load()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return use(ctx, conn.Conn(), s.sql(claimItems))
}
