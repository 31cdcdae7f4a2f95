package database_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/servertest"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/service/database"
)

var server servertest.Postgres

func TestMain(m *testing.M) { os.Exit(servertest.Main(m, &server)) }

func TestPostgresIsReadAndWritten(t *testing.T) {
	c := database.DefaultConfig()
	c.URL = server.URL(t)
	d := open(t, c)
	exec(t, d, "DROP TABLE IF EXISTS airports")
	exec(t, d, "CREATE TABLE airports (code text PRIMARY KEY, city text NOT NULL)")
	err := d.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO airports VALUES ($1, $2), ('LIS', 'Lisbon')", "CGN", "Cologne")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cities(t, d), []string{"Cologne", "Lisbon"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	_, err = d.Exec(t.Context(), "INSERT INTO airports VALUES ('CGN', 'Köln')")
	if e, is := errors.AsType[*pgconn.PgError](err); !is || e.Code != "23505" {
		t.Errorf("got %v, want the server's error, of a key that is there", err)
	}
}

// The server ends a statement at its timeout, too.
func TestStatementOfPostgresEndsAtItsTimeout(t *testing.T) {
	c := database.DefaultConfig()
	c.URL, c.StatementTimeout = server.URL(t), 200*time.Millisecond
	d := open(t, c)
	got, err := database.QueryOne(t.Context(), d, text, "SHOW statement_timeout")
	if err != nil || got != "200ms" {
		t.Errorf("got %q and %v as the timeout of the session, want 200ms", got, err)
	}
	if _, err := d.Exec(t.Context(), "SELECT pg_sleep(60)"); err == nil {
		t.Error("got no error of a statement that takes a minute, want one")
	}
}

func TestHealthIsThatOfTheServer(t *testing.T) {
	c := database.DefaultConfig()
	c.URL, c.ConnectTimeout = server.URL(t), 5*time.Second
	d := open(t, c)
	if err := d.CheckHealth(t.Context()); err != nil {
		t.Errorf("got %v while the server runs, want none", err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := d.CheckHealth(t.Context()); err == nil || !strings.Contains(err.Error(), "check url") {
		t.Errorf("got %v while the server is down, want an error that says what to check", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if err := d.CheckHealth(t.Context()); err != nil {
		t.Errorf("got %v when the server runs again, want none", err)
	}
}

// [O1] A statement has a span below that of its caller, with its words and without its values.
func TestStatementHasASpanWithoutItsValues(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	c := database.DefaultConfig()
	c.URL, c.Retry = server.URL(t), policy.Retry{MaxAttempts: 1, Timeout: 10 * time.Second}
	d, err := database.New(c)
	if err != nil {
		t.Fatal(err)
	}
	d.BindWorker(capability.Worker{Tracer: tracer})
	if err := d.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close(context.Background()) }()
	ctx, parent := tracer.Start(t.Context(), "attempt")
	_, err = d.Exec(ctx, "SELECT 1 / $1::text::int", "hunter2")
	parent.End()
	if err == nil {
		t.Error("got no error of a value that is not a number")
	}
	var found bool
	for _, span := range recorder.Ended() {
		if span.Name() == "sql.conn.exec" {
			found = true
			if span.SpanContext().TraceID() != parent.SpanContext().TraceID() {
				t.Errorf("the span of the statement is in another trace than its caller")
			}
		}
		if span.Name() == "attempt" || strings.HasPrefix(span.Name(), "database") { // they name the error, as those of any call
			continue
		}
		for _, a := range span.Attributes() {
			if strings.Contains(a.Value.String(), "hunter2") {
				t.Errorf("attribute %s of span %s has the value in it", a.Key, span.Name())
			}
		}
		for _, e := range span.Events() {
			t.Errorf("span %s has the event %s, whose text may have values in it", span.Name(), e.Name)
		}
	}
	if !found {
		t.Error("the statement has no span")
	}
}
