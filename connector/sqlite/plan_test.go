package sqlite_test

import (
	"database/sql"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon/connector/sqlite"
)

var anyParameter = regexp.MustCompile(`\?\d*`)

// Nothing that a queue at work does goes through a table, or sorts: its cost does not grow with what waits.
func TestEveryStatementOfAQueueAtWorkGoesByAnIndex(t *testing.T) {
	b := newBench(t)
	b.queue(t)
	db, err := database(b.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, statement := range sqlite.Statements() {
		plan := planOf(t, db, anyParameter.ReplaceAllString(statement, "1"))
		for _, step := range plan {
			if strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "SCAN items") || strings.HasPrefix(step, "SCAN bodies") ||
				strings.Contains(step, "items_id (queue=?)") { // all of a queue
				t.Errorf("%s: %s\nin %q", name, step, plan)
			}
		}
	}
}

func planOf(t *testing.T, db *sql.DB, statement string) (plan []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}

// However many have gone through it, a queue that is nearly empty is small.
func TestFileStaysAsSmallAsWhatIsInIt(t *testing.T) {
	b := newBench(t)
	const window = 10 * time.Minute
	queue := b.queue(t, func(s *sqlite.QueueSettings) { s.DedupWindow = window })
	n := 0
	through := func(rounds int) {
		for range rounds {
			dispatch(t, queue, numberedFrom(n, 100)...)
			n += 100
			ack(t, queue, fetch(t, queue, 100)...)
			b.advance(window / 10)
		}
	}
	through(20)
	before := sqlite.Pages(queue)
	through(60)
	if after := sqlite.Pages(queue); after > before+before/4 {
		t.Errorf("it has grown from %d to %d pages", before, after)
	}
	b.advance(2 * window)
	for range 5 {
		fetch(t, queue, 1) // nothing to do but to tidy up
		b.advance(lease)
	}
	stats, err := queue.InspectQueue(t.Context())
	if err != nil || stats.Settled != 0 {
		t.Errorf("got %+v, %v, want nothing", stats, err)
	}
}

func TestUnusedSpaceIsGivenBack(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, func(s *sqlite.QueueSettings) { s.DedupWindow = 0 })
	large := numbered(20)
	for i := range large {
		large[i] = large[i].WithPayload(make([]byte, 1_000_000))
	}
	dispatch(t, queue, large...)
	before := sqlite.Pages(queue)
	ack(t, queue, fetch(t, queue, 100)...)
	for range 10 {
		fetch(t, queue, 1)
		b.advance(lease)
	}
	if after := sqlite.Pages(queue); after > before/2 {
		t.Errorf("it has %d pages, of %d", after, before)
	}
}
