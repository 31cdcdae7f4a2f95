package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// runner runs one statement and calls each with every row, which it reads by scan.
type runner interface {
	query(ctx context.Context, statement string, each func(scan func(into ...any) error) error, arguments ...any) error
}

// tx is a transaction in progress: the connector's own.
type tx struct {
	*store

	run   pgx.Tx
	woken []int64 // the queues in which there may be something to claim once it is committed
}

func (t *tx) query(
	ctx context.Context, statement string, each func(scan func(into ...any) error) error, arguments ...any,
) error {
	rows, err := t.run.Query(ctx, t.sql(statement), arguments...)
	if err != nil {
		return err
	}
	return eachRow(rows, each)
}

// eachRow reads and closes rows. each may be nil.
func eachRow(rows pgx.Rows, each func(scan func(into ...any) error) error) error {
	defer rows.Close()
	for rows.Next() {
		if each == nil {
			continue
		}
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// numbersOf runs a statement that returns numbers.
func numbersOf(ctx context.Context, r runner, statement string, arguments ...any) (all []int64, err error) {
	err = r.query(ctx, statement, func(scan func(into ...any) error) error {
		var n int64
		err := scan(&n)
		all = append(all, n)
		return err
	}, arguments...)
	return all, err
}

// textOf is a text that may be NULL, as it is in an item.
func textOf(value any) *string {
	if text, ok := value.(string); ok {
		return &text
	}
	return nil
}

// orEmpty is a text that was NULL or not.
func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// anyOf is a text that was NULL or not, as it is in an item.
func anyOf(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}
