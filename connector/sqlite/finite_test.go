package sqlite_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/sqlite"
)

func finite(s *sqlite.QueueSettings) { s.Finite = true }

// wantExhausted wants to know whether the end has come, and no transactions.
func wantExhausted(t *testing.T, queue ergon.Fetcher, want bool) {
	t.Helper()
	batch, err := queue.FetchTransactions(t.Context(), 10)
	if len(batch) > 0 || err != nil && !errors.Is(err, ergon.ErrExhausted) || errors.Is(err, ergon.ErrExhausted) != want {
		t.Fatalf("got %q, %v, want exhausted %v", idsOf(batch), err, want)
	}
}

// What is delayed, or in somebody's hands, may come yet: also where a lease has to run out first.
func TestFiniteQueueEndsWhenAllIsSettled(t *testing.T) {
	b := newBench(t)
	queue, other := b.queue(t, finite), b.queue(t)
	wantExhausted(t, queue, true)
	dispatch(t, queue, transaction("a"), transaction("later", "deliver_at="+b.at.Add(time.Second).Format(time.RFC3339)))
	held := wantFetched(t, other, "a")
	wantExhausted(t, queue, false)
	b.advance(time.Second)
	later := wantFetched(t, queue, "later")
	wantExhausted(t, queue, false)
	ack(t, queue, later...)
	wantExhausted(t, queue, false)
	ack(t, other, held...)
	wantExhausted(t, queue, true)
	wantExhausted(t, other, false)

	dispatch(t, other, transaction("b").WithOrderingKey("k"), transaction("c").WithOrderingKey("k"))
	wantFetched(t, other, "b")
	b.advance(lease - 1)
	wantExhausted(t, queue, false)
	b.advance(1)
	ack(t, queue, wantFetched(t, queue, "b")...)
	ack(t, queue, wantFetched(t, queue, "c")...)
	wantExhausted(t, queue, true)
}
