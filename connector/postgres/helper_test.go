package postgres_test

import (
	"context"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/postgres"
	"github.com/ergon-go/ergon/internal/servertest"
)

var server servertest.Postgres

func TestMain(m *testing.M) { os.Exit(servertest.Main(m, &server)) }

// schemas numbers the schemas of tests.
var schemas atomic.Int64

// bench is a schema of the server with a clock that only the test moves.
type bench struct {
	url, schema, clock string
	conn               *pgx.Conn
	at                 time.Time
}

const lease = time.Minute

func newBench(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{
		url: server.URL(tb), schema: "t" + strconv.FormatInt(schemas.Add(1), 10), at: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
	}
	b.clock = "(SELECT at FROM " + b.schema + ".clock)"
	b.connect(tb)
	tb.Cleanup(func() {
		b.exec(tb, "DROP SCHEMA "+b.schema+" CASCADE")
		if err := b.conn.Close(context.WithoutCancel(tb.Context())); err != nil {
			tb.Error(err)
		}
	})
	b.exec(tb, "CREATE SCHEMA "+b.schema)
	b.exec(tb, "CREATE TABLE "+b.schema+".clock (at timestamptz)")
	b.exec(tb, "INSERT INTO "+b.schema+".clock VALUES ($1)", b.at)
	return b
}

func (b *bench) connect(tb testing.TB) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), b.url)
	if err != nil {
		tb.Fatal(err)
	}
	b.conn = conn
}

// restart kills the server and starts it again.
func (b *bench) restart(tb testing.TB) {
	tb.Helper()
	if err := server.Kill(); err != nil {
		tb.Fatal(err)
	}
	if err := server.Start(); err != nil {
		tb.Fatal(err)
	}
	b.connect(tb)
}

func (b *bench) exec(tb testing.TB, statement string, arguments ...any) {
	tb.Helper()
	if _, err := b.conn.Exec(context.WithoutCancel(tb.Context()), statement, arguments...); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

func (b *bench) now() time.Time { return b.at }

func (b *bench) advance(tb testing.TB, by time.Duration) {
	tb.Helper()
	b.at = b.at.Add(by)
	b.exec(tb, "UPDATE "+b.schema+".clock SET at = $1", b.at)
}

func (b *bench) database() postgres.DatabaseConfig {
	c := postgres.DefaultDatabaseConfig()
	c.URL, c.Schema = b.url, b.schema
	return c
}

// newQueue makes the queue jobs, whose fetches do not wait.
func (b *bench) newQueue(tb testing.TB, change ...func(*postgres.QueueSettings)) *postgres.Queue {
	tb.Helper()
	s := postgres.QueueSettings{QueueConfig: postgres.DefaultQueueConfig()}
	s.DatabaseConfig, s.Queue, s.MaxWait, s.Lease = b.database(), "jobs", 0, lease
	for _, c := range change {
		c(&s)
	}
	q, err := postgres.NewQueue(s)
	if err != nil {
		tb.Fatal(err)
	}
	q.SetClock(b.clock)
	return q
}

func (b *bench) queue(tb testing.TB, change ...func(*postgres.QueueSettings)) *postgres.Queue {
	tb.Helper()
	q := b.newQueue(tb, change...)
	open(tb, q)
	return q
}

func (b *bench) newDeadLetters(tb testing.TB) *postgres.DeadLetters {
	tb.Helper()
	s := postgres.DeadLettersSettings{DeadLettersConfig: postgres.DefaultDeadLettersConfig()}
	s.DatabaseConfig = b.database()
	d, err := postgres.NewDeadLetters(s)
	if err != nil {
		tb.Fatal(err)
	}
	d.SetClock(b.clock)
	return d
}

func (b *bench) deadLetters(tb testing.TB) *postgres.DeadLetters {
	tb.Helper()
	d := b.newDeadLetters(tb)
	open(tb, d)
	return d
}

type connector interface {
	ergon.Opener
	ergon.Closer
}

func open(tb testing.TB, c connector) {
	tb.Helper()
	tb.Cleanup(func() {
		if err := c.Close(context.WithoutCancel(tb.Context())); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	if err := c.Open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}
