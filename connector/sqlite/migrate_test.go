package sqlite_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon/connector/sqlite"
)

// database opens a file beside the package under test, as anybody could. Nothing else may have it open in this process
// when it is closed.
func database(path string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
}

func execute(path string, statements ...string) error {
	db, err := database(path)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			return err
		}
	}
	return nil
}

func wantIntact(tb testing.TB, path string) {
	tb.Helper()
	db, err := database(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	var result string
	if err := db.QueryRowContext(context.WithoutCancel(tb.Context()), "PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
		tb.Errorf("integrity check: %s, %v", result, err)
	}
}

// older writes a file as version 1 left it: jobs has a waiting, b claimed until noon, and c settled.
func older(t *testing.T, path string) {
	t.Helper()
	script, err := os.ReadFile("testdata/schema1.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := execute(path, string(script)); err != nil {
		t.Fatal(err)
	}
}

func TestFileOfAnOlderSchemaIsBroughtUpToDate(t *testing.T) {
	b := newBench(t)
	older(t, b.path)
	queue, dead := b.queue(t), b.deadLetters(t)
	dispatch(t, queue, transactions("c", "d")...)
	batch := wantFetched(t, queue, "a", "b", "d")
	if got := batch[1].Delivery().Count; got != 2 {
		t.Errorf("got delivery count %d of b, want 2", got)
	}
	settle(t, queue, rejected, batch[0])
	if got := letters(t, dead); len(got) != 1 || got[0].ID != "a" {
		t.Errorf("got %+v, want a letter for a", got)
	}
	wantIntact(t, b.path)
}

func TestNewFileIsAsOneThatWasBroughtUpToDate(t *testing.T) {
	was, is := newBench(t), newBench(t)
	older(t, was.path)
	was.queue(t)
	is.queue(t)
	if old, fresh := schemaOf(t, was.path), schemaOf(t, is.path); old != fresh {
		t.Errorf("brought up to date:\n%s\n\nnew:\n%s", old, fresh)
	}
}

func schemaOf(t *testing.T, path string) string {
	t.Helper()
	db, err := database(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			t.Fatal(err)
		}
		all = append(all, statement)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// Whoever comes second waits and finds it done.
func TestManyMayOpenANewFileAtOnce(t *testing.T) {
	b := newBench(t)
	older(t, b.path)
	errs := make(chan error)
	for range 8 {
		queue := b.newQueue(t)
		go func() {
			err := queue.Open(context.Background())
			if err == nil {
				err = queue.Close(context.Background())
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// A writer that does not end is waited for, but not for ever.
func TestBusyFileIsAnErrorThatSaysSo(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, func(s *sqlite.QueueSettings) { s.BusyTimeout = 20 * time.Millisecond })
	unlock := lockFile(t, b.path)
	err := queue.DispatchTransactions(t.Context(), transactions("a"))
	wantError(t, err, "dispatch: other processes keep it locked; look for one that stands still, or raise busy_timeout")
	unlock()
	dispatch(t, queue, transactions("a")...)
}
