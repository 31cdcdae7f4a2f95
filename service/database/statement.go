package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
)

// Query reads all rows of a query; scan turns the current row into a T. It is retried as the configuration says, so the query must not
// change anything. It returns a *[ergon.TransactionError]: its cause is the driver's error.
func Query[T any](ctx context.Context, d *Database, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	return run(ctx, d, anyError, func(ctx context.Context) (all []T, err error) {
		rows, err := d.pool.QueryContext(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			one, err := scan(rows)
			if err != nil {
				return nil, ergon.Permanent(fmt.Errorf("read a row: %w", err))
			}
			all = append(all, one)
		}
		return all, rows.Err()
	})
}

// QueryOne is Query for exactly one row. If there is none, errors.Is(err, sql.ErrNoRows); if there are more, that is an error too.
func QueryOne[T any](ctx context.Context, d *Database, scan func(*sql.Rows) (T, error), query string, args ...any) (T, error) {
	var none T
	all, err := Query(ctx, d, scan, query, args...)
	switch {
	case err != nil:
		return none, err
	case len(all) == 0:
		return none, ergon.Permanent(fmt.Errorf("query one row: %w", sql.ErrNoRows))
	case len(all) > 1:
		return none, ergon.Permanent(fmt.Errorf("query one row: there are %d; narrow the query", len(all)))
	}
	return all[0], nil
}

// Exec runs a statement that changes something, and returns the number of rows that it changed, as far as the driver knows it. It is
// retried only after an error that shows that nothing has changed.
func (d *Database) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return run(ctx, d, unchanged, func(ctx context.Context) (int64, error) {
		result, err := d.pool.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	})
}

// InTx calls fn with a transaction, and commits it if fn returns nil; otherwise, and if fn panics, it is rolled back. It is retried
// only after an error that shows that nothing has changed: fn must not have effects outside of the transaction. fn must use its
// context, and must not use the transaction after it has returned.
func (d *Database) InTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	_, err := run(ctx, d, unchanged, func(ctx context.Context) (_ struct{}, err error) {
		tx, err := d.pool.BeginTx(ctx, nil)
		if err != nil {
			return struct{}{}, rolledBack(err)
		}
		committing := false
		defer func() {
			if !committing {
				if undone := tx.Rollback(); undone != nil && !errors.Is(undone, sql.ErrTxDone) {
					err = errors.Join(err, fmt.Errorf("roll back: %w", undone))
				}
			}
		}()
		if err := fn(ctx, tx); err != nil {
			return struct{}{}, rolledBack(err)
		}
		committing = true
		if err := tx.Commit(); err != nil {
			return struct{}{}, fmt.Errorf("commit: %w", err)
		}
		return struct{}{}, nil
	})
	return err
}

// run makes attempts until one succeeds. Another one follows only a failure that again allows, and that is not the statement's own fault.
func run[T any](ctx context.Context, d *Database, again func(error) bool, attempt func(context.Context) (T, error)) (T, error) {
	retry := d.config.Retry
	retry.Timeout = min(retry.Timeout, d.config.StatementTimeout)
	return ergon.RunFn(ctx, retry, func(ctx context.Context) (T, error) {
		result, err := attempt(ctx)
		if err != nil && (faulty(err) || !again(err)) {
			err = ergon.Permanent(err)
		}
		return result, err
	}, ergon.SpanName("database"))
}

func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return errors.Join(cause, err)
	}
	return err
}
