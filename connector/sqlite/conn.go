package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"modernc.org/sqlite"
)

// conn is one connection to the file, used by one goroutine at a time. It is the driver's without database/sql in between: a
// queue has two connections whose statements never change, so that a pool would only cost.
type conn struct {
	raw        driver.Conn
	statements map[string]statement
	arguments  []driver.NamedValue
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func connect(path string) (*conn, error) {
	raw, err := new(sqlite.Driver).Open(dataSource(path))
	if err != nil {
		return nil, err
	}
	return &conn{raw: raw, statements: map[string]statement{}}, nil
}

// exec returns how many rows it changed.
func (c *conn) exec(query string, arguments ...any) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	// No context: the driver would start a goroutine for each call, and what writes is short.
	result, err := s.ExecContext(context.Background(), c.bind(arguments))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query calls each with every row; what it returns ends the query. The row is used again.
func (c *conn) query(ctx context.Context, query string, each func(row) error, arguments ...any) (err error) {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, c.bind(arguments))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make(row, len(rows.Columns()))
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := each(values); err != nil {
			return err
		}
	}
}

// number returns the only value of the only row; 0 where there is none.
func (c *conn) number(ctx context.Context, query string, arguments ...any) (n int64, err error) {
	err = c.query(ctx, query, func(r row) error {
		n = r.int(0)
		return nil
	}, arguments...)
	return n, err
}

func (c *conn) prepare(query string) (statement, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	prepared, err := c.raw.Prepare(query)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(statement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's statements are %T, which take no context", prepared), prepared.Close())
	}
	c.statements[query] = s
	return s, nil
}

func (c *conn) bind(arguments []any) []driver.NamedValue {
	c.arguments = c.arguments[:0]
	for i, value := range arguments {
		if n, ok := value.(int); ok {
			value = int64(n)
		}
		c.arguments = append(c.arguments, driver.NamedValue{Ordinal: i + 1, Value: value})
	}
	return c.arguments
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.raw.Close())...)
}

// row is what a query found. A value of another kind than asked for, NULL included, reads as the zero value.
type row []driver.Value

func (r row) int(i int) int64 {
	n, _ := r[i].(int64)
	return n
}

func (r row) text(i int) string {
	s, _ := r[i].(string)
	return s
}

func (r row) bytes(i int) []byte {
	b, _ := r[i].([]byte)
	return b
}

func (r row) isNull(i int) bool { return r[i] == nil }
