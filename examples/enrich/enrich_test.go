package main_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/config"
	program "github.com/ergon-go/ergon/examples/enrich"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/service/database"
)

// offices makes the table that the example reads.
func offices(t *testing.T, url string) {
	t.Helper()
	c := database.DefaultConfig()
	c.URL = url
	d, err := database.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = d.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range []string{
			"CREATE TABLE offices (state text PRIMARY KEY, office text NOT NULL)",
			"INSERT INTO offices VALUES ('Louisiana', 'New Orleans'), ('Texas', 'Houston'), ('Colorado', 'Denver')",
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// strikes are the first reports of the FAA's file, which is with the example birdstrikes.
func strikes(t *testing.T, n int) []byte {
	t.Helper()
	file, err := os.Open("../birdstrikes/data/birdstrikes.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(all, []byte("\n"))
	return bytes.Join(lines[:n+1], nil)
}

func TestEachStrikeOfAKnownStateGetsItsOffice(t *testing.T) {
	configuration, err := os.ReadFile("ergon.yaml")
	if err != nil {
		t.Fatal(err)
	}
	reports := strikes(t, 500)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("strikes.csv", reports, 0o600); err != nil {
		t.Fatal(err)
	}
	offices(t, "sqlite:offices.db")
	c, err := config.Parse("ergon.yaml", configuration, program.Registry(), config.OSEnvironment("."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runner.RunTask(t.Context(), c.Tasks[0], runner.Settings{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	notices, dead := lines(t, "out/notices.jsonl"), lines(t, "out/dead-letters.jsonl")
	if len(notices) < 20 || len(notices)+len(dead) != 500 {
		t.Errorf("%d notices and %d dead letters, want 500 in all, and some notices", len(notices), len(dead))
	}
	for _, line := range notices {
		if !strings.Contains(line, `"office":"New Orleans"`) && !strings.Contains(line, `"office":"Houston"`) &&
			!strings.Contains(line, `"office":"Denver"`) {
			t.Fatalf("notice %s has no office of the table", line)
		}
	}
	for _, line := range dead {
		if !strings.Contains(line, "no office is responsible for the state") {
			t.Fatalf("dead letter %s is not of an unknown state", line)
		}
	}
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}
