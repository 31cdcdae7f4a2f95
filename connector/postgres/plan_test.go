package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ergon-go/ergon/connector/postgres"
)

// A claim reads the line by its index, whatever the statistics say: with many waiting, without statistics, and with wrong ones. The
// plan is the one that serves all values, which a prepared statement gets sooner or later.
func TestClaimReadsTheLineByItsIndex(t *testing.T) {
	b := newBench(t)
	q := b.queue(t)
	add := func(n, priority int) {
		b.exec(t, fmt.Sprintf(`INSERT INTO %[1]s.items (seq, queue, line, place, enqueued_at, ready_at, priority, state, id, copy, digest,
				payload)
			SELECT n, %[4]d, n, s.n, now(), s.at, %[3]d, 'ready', 'p%[3]d-' || n, '', '', repeat('x', 200)::bytea
			FROM (SELECT nextval('%[1]s.sequence') AS n, now() AS at FROM generate_series(1, %[2]d)) s`,
			b.schema, n, priority, postgres.QueueNumber(q)))
		b.exec(t, fmt.Sprintf("INSERT INTO %s.priorities VALUES (%d, %d) ON CONFLICT DO NOTHING", b.schema, postgres.QueueNumber(q), priority))
	}
	add(20_000, 0)
	plans := map[string]string{"without statistics": plan(t, q)}
	b.exec(t, "ANALYZE "+b.schema+".items")
	plans["with statistics"] = plan(t, q)
	b.exec(t, "UPDATE "+b.schema+".items SET state = 'settled', payload = NULL")
	plans["with statistics of before"] = plan(t, q)
	b.exec(t, "ANALYZE "+b.schema+".items")
	add(20_000, 5)
	plans["with statistics that know no ready ones"] = plan(t, q)
	for when, text := range plans {
		if !strings.Contains(text, "Index Scan using items_line") || strings.Contains(text, "Bitmap") ||
			strings.Contains(text, "Seq Scan on items") {
			t.Errorf("%s:\n%s", when, text)
		}
	}
}

func plan(t *testing.T, q *postgres.Queue) (text string) {
	t.Helper()
	err := postgres.Explain(t.Context(), q, func(ctx context.Context, conn *pgx.Conn, claim string) error {
		for _, statement := range []string{
			"SET plan_cache_mode = force_generic_plan",
			"PREPARE claim (" + strings.Repeat("int8, ", 3) + "integer[], bigint[], boolean) AS " + claim,
		} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		rows, err := conn.Query(ctx, "EXPLAIN EXECUTE claim (1, 100, 1000000, '{}', '{}', false)", pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		text = strings.Join(lines, "\n")
		if err == nil {
			_, err = conn.Exec(ctx, "DEALLOCATE claim")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
