package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon/connector/postgres"
	"github.com/ergon-go/ergon/ergontest/tcpproxy"
)

func wantError(tb testing.TB, err error, parts ...string) {
	tb.Helper()
	if err == nil {
		tb.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			tb.Errorf("the error lacks %q:\n%v", part, err)
		}
	}
}

// Each fault of an environment has one clear error that says what to do. Probe and Open say the same.
func TestBadEnvironmentsAreRefusedWithACure(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, b *bench, c *postgres.DatabaseConfig)
		want    string
	}{
		"nobody listens": {func(_ *testing.T, _ *bench, c *postgres.DatabaseConfig) {
			c.URL = "postgres://postgres@127.0.0.1:1/postgres?sslmode=disable"
		}, "the server cannot be reached"},
		"no such database": {func(_ *testing.T, b *bench, c *postgres.DatabaseConfig) {
			c.URL = strings.Replace(b.url, "/postgres?", "/nosuch?", 1)
		}, "the database does not exist; create it"},
		"no such user": {func(_ *testing.T, b *bench, c *postgres.DatabaseConfig) {
			c.URL = strings.Replace(b.url, "postgres@", "nosuch@", 1)
		}, "does not let this user in"},
		"migrate verify without tables": {func(_ *testing.T, _ *bench, c *postgres.DatabaseConfig) {
			c.Migrate = postgres.MigrateVerify
		}, "create them with migrate: auto"},
		"a view in place of a table": {func(t *testing.T, b *bench, _ *postgres.DatabaseConfig) {
			t.Helper()
			b.exec(t, "CREATE VIEW "+b.schema+".items AS SELECT 1 AS seq")
		}, "items is a view, must be a table; rename it"},
		"a newer schema": {func(t *testing.T, b *bench, _ *postgres.DatabaseConfig) {
			t.Helper()
			b.exec(t, "CREATE TABLE "+b.schema+".about (schema integer, oldest_writer integer, store text)")
			b.exec(t, "INSERT INTO "+b.schema+".about VALUES (9, 8, 'x')")
		}, "made by a newer version (schema 9"},
		"no right to create": {func(t *testing.T, b *bench, c *postgres.DatabaseConfig) {
			t.Helper()
			b.exec(t, "CREATE ROLE "+b.schema+" LOGIN")
			t.Cleanup(func() { b.exec(t, "DROP ROLE "+b.schema) })
			c.URL = strings.Replace(b.url, "postgres@", b.schema+"@", 1)
		}, "has not the right to do it; grant it"},
		"a server that can only be read": {func(t *testing.T, b *bench, c *postgres.DatabaseConfig) {
			t.Helper()
			c.URL = b.url + "&default_transaction_read_only=on"
		}, "read-only replica"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			change := func(s *postgres.QueueSettings) {
				s.ConnectTimeout = 2 * time.Second
				c.prepare(t, b, &s.DatabaseConfig)
			}
			q := b.newQueue(t, change)
			if err := q.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) && name != "no right to create" {
				t.Errorf("Probe: got %v, want an error with %q", err, c.want)
			}
			wantError(t, q.Open(t.Context()), c.want, "postgres queue jobs")
			if err := q.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// [K17] A later version that only adds leaves this one at work.
func TestSchemaOfALaterVersionThatOnlyAddsIsAccepted(t *testing.T) {
	b := newBench(t)
	q := b.queue(t)
	b.exec(t, "UPDATE "+b.schema+".about SET schema = schema + 1")
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	open(t, q)
	dispatch(t, q, transactions("a")...)
	wantFetched(t, q, "a")
}

func TestFaultsOfSettingsNameTheirKeys(t *testing.T) {
	t.Parallel()
	s := postgres.DefaultQueueConfig()
	s.URL, s.Schema, s.Prefix, s.Migrate = "postgres://user:hunter5@host:port/x", `a"; DROP`, "A", "never"
	s.MaxConnections, s.StatementTimeout, s.Lease, s.Queue = 0, 0, time.Second, ""
	err := s.Validate()
	wantError(t, err, "url", "schema", "prefix", "migrate", "max_connections", "statement_timeout", "lease", "queue")
	if strings.Contains(err.Error(), "hunter5") {
		t.Errorf("the error shows the password: %v", err)
	}
	if err := postgres.DefaultQueueConfig().Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

// A connection that breaks fails the calls that use it; the next calls have another one, and nothing is lost.
func TestBrokenConnectionsAreReplaced(t *testing.T) {
	b := newBench(t)
	address, path, _ := strings.Cut(strings.TrimPrefix(b.url, "postgres://postgres@"), "/")
	proxy, err := tcpproxy.Listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	q := b.queue(t, func(s *postgres.QueueSettings) {
		s.URL, s.ConnectTimeout = "postgres://postgres@"+proxy.Addr()+"/"+path, 2*time.Second
	})
	dispatch(t, q, transactions("a")...)
	proxy.Refuse()
	if err := q.DispatchTransactions(t.Context(), transactions("b")); err == nil {
		t.Error("a dispatch without a server succeeded")
	}
	if err := q.CheckHealth(t.Context()); err == nil {
		t.Error("the queue is healthy without a server")
	}
	proxy.Restore()
	if err := q.CheckHealth(t.Context()); err != nil {
		t.Errorf("health after the outage: %v", err)
	}
	dispatch(t, q, transactions("b")...)
	wantFetched(t, q, "a", "b")
	proxy.Stall()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := q.DispatchTransactions(ctx, transactions("c")); err == nil {
		t.Error("a dispatch that nobody answers succeeded")
	}
	proxy.Restore()
	dispatch(t, q, transactions("c")...)
	wantFetched(t, q, "c")
}
