package database_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/ergon-go/ergon/service/database"
)

// flaky is a driver whose statements fail a number of times with an error that says nothing.
type flaky struct {
	fails, calls atomic.Int32
}

var errCut = errors.New("connection reset by peer")

func (f *flaky) Open(string) (driver.Conn, error) { return flakyConn{f}, nil }

func (f *flaky) call() error {
	if f.calls.Add(1) <= f.fails.Load() {
		return errCut
	}
	return nil
}

type flakyConn struct{ *flaky }

func (c flakyConn) Prepare(string) (driver.Stmt, error) { return flakyStatement(c), nil }
func (flakyConn) Close() error                          { return nil }
func (c flakyConn) Begin() (driver.Tx, error)           { return c, nil }
func (c flakyConn) Commit() error                       { return c.call() }
func (flakyConn) Rollback() error                       { return nil }

type flakyStatement struct{ *flaky }

func (flakyStatement) Close() error  { return nil }
func (flakyStatement) NumInput() int { return 0 }
func (s flakyStatement) Exec([]driver.Value) (driver.Result, error) {
	return driver.RowsAffected(1), s.call()
}
func (s flakyStatement) Query([]driver.Value) (driver.Rows, error) { return noRows{}, s.call() }

type noRows struct{}

func (noRows) Columns() []string         { return []string{"city"} }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }

// A read is repeated. A write is not if nobody knows whether it was done.
func TestOnlyWhatChangesNothingIsRepeatedBlindly(t *testing.T) {
	f := &flaky{}
	sql.Register("flaky", f)
	c := database.DefaultConfig()
	c.URL, c.Driver = "anything", "flaky"
	d := open(t, c)
	for name, test := range map[string]struct {
		call  func(ctx context.Context) error
		calls int32
	}{
		"query": {func(ctx context.Context) error {
			_, err := database.Query(ctx, d, text, "SELECT city FROM airports")
			return err
		}, 3},
		"exec": {func(ctx context.Context) error {
			_, err := d.Exec(ctx, "DELETE FROM airports")
			return err
		}, 1},
		"commit": {func(ctx context.Context) error {
			return d.InTx(ctx, func(context.Context, *sql.Tx) error { return nil })
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f.calls.Store(0)
			f.fails.Store(2)
			err := test.call(t.Context())
			if got := f.calls.Load(); got != test.calls {
				t.Errorf("it was called %d times, want %d", got, test.calls)
			}
			if test.calls == 1 && !errors.Is(err, errCut) || test.calls > 1 && err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}
