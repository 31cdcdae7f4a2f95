package bench

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"modernc.org/sqlite"
)

// rawSQLite is a connection of the driver's, with nothing in between, that prepares each statement once.
type rawSQLite struct {
	conn       driver.Conn
	statements map[string]rawStatement
}

type rawStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// openRawSQLite opens a file whose commits are durable, set up as connector/sqlite sets up its own.
func openRawSQLite(path string) (*rawSQLite, error) {
	conn, err := new(sqlite.Driver).Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	raw := &rawSQLite{conn: conn, statements: map[string]rawStatement{}}
	for _, pragma := range []string{
		"PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA cache_size = -16384", "PRAGMA wal_autocheckpoint = 4000",
		"PRAGMA temp_store = MEMORY", "PRAGMA synchronous = FULL",
	} {
		if _, err := raw.exec(pragma); err != nil {
			return nil, errors.Join(err, raw.close())
		}
	}
	if err := raw.query("PRAGMA journal_mode = WAL", func([]driver.Value) {}); err != nil {
		return nil, errors.Join(err, raw.close())
	}
	return raw, nil
}

// exec returns how many rows a statement changed.
func (r *rawSQLite) exec(statement string, arguments ...driver.Value) (int64, error) {
	prepared, err := r.prepare(statement)
	if err != nil {
		return 0, err
	}
	result, err := prepared.ExecContext(context.Background(), named(arguments))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", statement, err)
	}
	return result.RowsAffected()
}

// query calls each with every row, whose memory is used again.
func (r *rawSQLite) query(statement string, each func([]driver.Value), arguments ...driver.Value) (err error) {
	prepared, err := r.prepare(statement)
	if err != nil {
		return err
	}
	rows, err := prepared.QueryContext(context.Background(), named(arguments))
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", statement, err)
		}
		each(values)
	}
}

// inTransaction has do write within one transaction, which is durable when it returns nil.
func (r *rawSQLite) inTransaction(do func() error) error {
	if _, err := r.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := do(); err != nil {
		_, undone := r.exec("ROLLBACK")
		return errors.Join(err, undone)
	}
	_, err := r.exec("COMMIT")
	return err
}

func (r *rawSQLite) prepare(statement string) (rawStatement, error) {
	if prepared, ok := r.statements[statement]; ok {
		return prepared, nil
	}
	plain, err := r.conn.Prepare(statement)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", statement, err)
	}
	prepared, ok := plain.(rawStatement)
	if !ok {
		return nil, fmt.Errorf("the driver's statements are %T, which take no context", plain)
	}
	r.statements[statement] = prepared
	return prepared, nil
}

func (r *rawSQLite) close() error {
	var errs []error
	for _, s := range r.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, r.conn.Close())...)
}

func named(arguments []driver.Value) []driver.NamedValue {
	all := make([]driver.NamedValue, len(arguments))
	for i, value := range arguments {
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: value}
	}
	return all
}
