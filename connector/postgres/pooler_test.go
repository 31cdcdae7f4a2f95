package postgres_test

import (
	"fmt"
	"testing"

	"github.com/ergon-go/ergon/connector/postgres"
)

// Behind a pooler that gives each transaction another connection everything works but notifications, if the configuration says so.
// If it does not, the error says what to set.
func TestQueueWorksBehindAPooler(t *testing.T) {
	b := newBench(t)
	pooler := server.Pooler(t)
	unaware := b.newQueue(t, func(s *postgres.QueueSettings) { s.URL = pooler })
	wantError(t, unaware.Open(t.Context()), "behind a pooler set pooler to true")

	behind := func(s *postgres.QueueSettings) { s.URL, s.Pooler = pooler, true }
	q := b.queue(t, behind)
	if postgres.IsNotified(q) {
		t.Error("it relies on notifications, which get lost")
	}
	for i := range 20 { // more than the connections of the pooler
		ids := []string{fmt.Sprint("a", i), fmt.Sprint("b", i)}
		dispatch(t, q, transactions(ids...)...)
		batch := wantFetched(t, q, ids...)
		if err := q.ExtendLeases(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		ack(t, q, batch...)
	}
	stats, err := q.InspectQueue(t.Context())
	if err != nil || stats.Settled != 40 || stats.Ready != 0 {
		t.Errorf("got %+v, %v, want 40 settled", stats, err)
	}
}
