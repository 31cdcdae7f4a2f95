package database_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/service/database"
)

// opened returns an open database in a new SQLite file, with a table of airports.
func opened(t *testing.T) *database.Database {
	t.Helper()
	c := database.DefaultConfig()
	c.URL = "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
	d := open(t, c)
	exec(t, d, "CREATE TABLE airports (code TEXT PRIMARY KEY, city TEXT NOT NULL)")
	exec(t, d, "INSERT INTO airports VALUES ('CGN', 'Cologne'), ('LIS', 'Lisbon')")
	return d
}

func open(t *testing.T, c database.Config) *database.Database {
	t.Helper()
	c.Retry = policy.Retry{MaxAttempts: 3, Timeout: 10 * time.Second}
	d, err := database.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

func exec(t *testing.T, d *database.Database, query string, args ...any) int64 {
	t.Helper()
	n, err := d.Exec(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func text(rows *sql.Rows) (s string, err error) {
	err = rows.Scan(&s)
	return s, err
}

func cities(t *testing.T, d *database.Database) []string {
	t.Helper()
	all, err := database.Query(t.Context(), d, text, "SELECT city FROM airports ORDER BY city")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRowsAreReadAndWritten(t *testing.T) {
	d := opened(t)
	if n := exec(t, d, "UPDATE airports SET city = 'Lisboa' WHERE code = ?", "LIS"); n != 1 {
		t.Errorf("%d rows have changed, want 1", n)
	}
	if got, want := cities(t, d), []string{"Cologne", "Lisboa"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQueryOneWantsExactlyOneRow(t *testing.T) {
	d := opened(t)
	const query = "SELECT city FROM airports WHERE code LIKE ?"
	if got, err := database.QueryOne(t.Context(), d, text, query, "CGN"); err != nil || got != "Cologne" {
		t.Errorf("got %q and %v, want Cologne", got, err)
	}
	if _, err := database.QueryOne(t.Context(), d, text, query, "XXX"); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got %v of no row, want %v", err, sql.ErrNoRows)
	}
	if _, err := database.QueryOne(t.Context(), d, text, query, "%"); err == nil || !strings.Contains(err.Error(), "there are 2") {
		t.Errorf("got %v of two rows, want an error that says so", err)
	}
}

func TestTransactionIsWholeOrNothing(t *testing.T) {
	d := opened(t)
	add := func(tx *sql.Tx, code, city string) error {
		_, err := tx.ExecContext(t.Context(), "INSERT INTO airports VALUES (?, ?)", code, city)
		return err
	}
	err := d.InTx(t.Context(), func(_ context.Context, tx *sql.Tx) error {
		return errors.Join(add(tx, "OSL", "Oslo"), add(tx, "RIX", "Riga"))
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no")
	err = d.InTx(t.Context(), func(_ context.Context, tx *sql.Tx) error {
		return errors.Join(add(tx, "VIE", "Vienna"), ergon.Business(refused))
	})
	if !errors.Is(err, refused) || ergon.CategoryOf(err) != ergon.CategoryBusiness {
		t.Errorf("got %v, want the function's own error and its category", err)
	}
	err = d.InTx(t.Context(), func(_ context.Context, tx *sql.Tx) error {
		if err := add(tx, "ZRH", "Zurich"); err != nil {
			return err
		}
		panic("in the middle")
	})
	if err == nil || !strings.Contains(err.Error(), "in the middle") {
		t.Errorf("got %v of a panic, want it", err)
	}
	if got, want := cities(t, d), []string{"Cologne", "Lisbon", "Oslo", "Riga"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// [R2] A statement at fault is not repeated; one that the database could not take at the moment is.
func TestStatementAtFaultIsNotRepeated(t *testing.T) {
	d := opened(t)
	for name, c := range map[string]struct {
		statement string
		attempts  int
	}{
		"key is there": {"INSERT INTO airports VALUES ('CGN', 'Cologne')", 1},
		"wrong words":  {"INSERT INTO nowhere VALUES (1)", 1},
		"no value":     {"INSERT INTO airports VALUES ('XXX', NULL)", 1},
	} {
		t.Run(name, func(t *testing.T) {
			attempts := 0
			err := d.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				attempts++
				_, err := tx.ExecContext(ctx, c.statement)
				return err
			})
			if err == nil || attempts != c.attempts {
				t.Errorf("got %v after %d attempts, want an error after %d", err, attempts, c.attempts)
			}
		})
	}
	attempts := 0
	err := d.InTx(t.Context(), func(context.Context, *sql.Tx) error {
		attempts++
		if attempts < 3 {
			return errors.New("the server is restarting")
		}
		return nil
	})
	if err != nil || attempts != 3 {
		t.Errorf("got %v after %d attempts of what was rolled back twice, want success after 3", err, attempts)
	}
}

func TestDatabaseThatCannotBeOpenedSaysWhatToDo(t *testing.T) {
	c := database.DefaultConfig()
	c.URL = "sqlite:" + filepath.Join(t.TempDir(), "nowhere", "shop.db")
	d, err := database.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "check url") {
		t.Errorf("got %v, want an error that says what to check", err)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Errorf("got %v when what was not open is closed, want none", err)
	}
}
