package sqlite_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// busy is a queue with something in each state: r1, r2 ready; d and k2 delayed; c and k1 claimed; s settled.
func busy(t *testing.T, b *bench) *sqlite.Queue {
	t.Helper()
	queue := b.queue(t, func(s *sqlite.QueueSettings) { s.RetainSettled = time.Hour })
	dispatch(t, queue, transactions("s", "c")...)
	dispatch(t, queue, keyed("k", "k1", "k2")...)
	ack(t, queue, wantFetched(t, queue, "s", "c", "k1")[0])
	b.advance(time.Second)
	dispatch(t, queue, transaction("r2"), transaction("r1", "priority=1"),
		transaction("d", "deliver_at="+b.at.Add(time.Hour).Format(time.RFC3339)))
	return queue
}

func TestQueueIsCountedByState(t *testing.T) {
	b := newBench(t)
	queue := busy(t, b)
	since := newClock().at.Add(time.Second)
	wantStats(t, queue, capability.QueueStats{Ready: 2, Delayed: 2, Claimed: 2, Settled: 1, OldestReadyAt: since})
	wantCount(t, queue, 4)
	b.advance(lease)
	wantStats(t, queue, capability.QueueStats{Ready: 4, Delayed: 2, Settled: 1, OldestReadyAt: since})
	wantCount(t, queue, 6)
	b.advance(time.Hour)
	wantStats(t, queue, capability.QueueStats{Ready: 5, Delayed: 1, OldestReadyAt: since})
	fetch(t, queue, 10)
	wantStats(t, queue, capability.QueueStats{Delayed: 1, Claimed: 5})
}

func wantStats(t *testing.T, queue *sqlite.Queue, want capability.QueueStats) {
	t.Helper()
	got, err := queue.InspectQueue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func wantCount(t *testing.T, queue capability.Counter, want int64) {
	t.Helper()
	if got, err := queue.CountTransactions(t.Context()); got != want || err != nil {
		t.Errorf("counted %d, %v, want %d", got, err, want)
	}
}

func TestQueueCanBeLookedIntoWithoutChangingIt(t *testing.T) {
	b := newBench(t)
	queue := busy(t, b)
	peek := func(state capability.QueueState, limit int, want ...string) []ergon.Transaction {
		t.Helper()
		batch, err := queue.PeekTransactions(t.Context(), state, limit)
		if err != nil {
			t.Fatal(err)
		}
		wantIDs(t, batch, want...)
		return batch
	}
	for range 2 {
		peek(capability.StateReady, 1, "r1")
		peek(capability.StateReady, 10, "r1", "r2")
		peek(capability.StateDelayed, 10, "d", "k2")
		claimed := peek(capability.StateClaimed, 10, "c", "k1")
		if claimed[0].Delivery().Count != 1 || claimed[0].Delivery().Receipt != nil {
			t.Errorf("got delivery %+v, want the first without a receipt", claimed[0].Delivery())
		}
		settled := peek(capability.StateSettled, 10, "s")
		if got := string(settled[0].Payload().([]byte)); got != `"s"` {
			t.Errorf("got payload %s of what is settled", got)
		}
	}
	b.advance(lease)
	peek(capability.StateReady, 10, "r1", "c", "k1", "r2")
	peek(capability.StateClaimed, 10)
	for _, bad := range []struct {
		state capability.QueueState
		limit int
		want  string
	}{
		{"gone", 1, `state is "gone", must be ready, delayed, claimed or settled`},
		{capability.StateReady, 0, "the limit must be at least 1"},
	} {
		_, err := queue.PeekTransactions(t.Context(), bad.state, bad.limit)
		wantError(t, err, "sqlite queue jobs: peek", bad.want)
	}
}

func TestTransactionIsResolvedByItsID(t *testing.T) {
	b := newBench(t)
	queue := busy(t, b)
	for id, want := range map[string]string{
		"s": "not found", "x": `transaction "x": transaction not found`, "": "not found",
		"c":  `transaction "c": is claimed; wait until it is settled, or its lease, 1m0s at most, has run out`,
		"k2": "waits behind another with the same ordering key; settle that one first",
	} {
		_, err := queue.FetchTransactionByID(t.Context(), id)
		wantError(t, err, want)
		if (len(id) < 2 && id != "c") != errors.Is(err, capability.ErrNotFound) {
			t.Errorf("%s: got %v", id, err)
		}
	}
	for _, id := range []string{"d", "r2"} {
		tx, err := queue.FetchTransactionByID(t.Context(), id)
		if err != nil || tx.ID() != id || string(tx.Payload().([]byte)) != `"`+id+`"` {
			t.Fatalf("got %v, %v, want %s", tx, err, id)
		}
		ack(t, queue, tx)
	}
	wantFetched(t, queue, "r1")
	b.advance(lease)
	if _, err := queue.FetchTransactionByID(t.Context(), "c"); err != nil {
		t.Errorf("after its lease: %v", err)
	}
}

func TestSettledTransactionsAreReplayed(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, func(s *sqlite.QueueSettings) { s.RetainSettled = time.Hour })
	large := ergon.NewTransaction("large", make([]byte, 5000))
	dispatch(t, queue, append(keyed("k", "k1", "k2"), transaction("a", "k=v"), large)...)
	for _, tx := range wantFetched(t, queue, "k1", "a", "large") {
		b.advance(time.Second)
		ack(t, queue, tx)
	}
	settled := newClock().at
	replay := func(f capability.ReplayFilter, want int64) {
		t.Helper()
		if n, err := queue.ReplayTransactions(t.Context(), f); n != want || err != nil {
			t.Fatalf("replayed %d, %v, want %d", n, err, want)
		}
	}
	replay(capability.ReplayFilter{IDs: []string{"k2", "x"}}, 0)
	replay(capability.ReplayFilter{IDs: []string{"a", "x"}}, 1)
	replayed := wantFetched(t, queue, "k2", "a")
	if v, _ := replayed[1].Metadata("k"); v != "v" || replayed[1].Delivery().Count != 1 {
		t.Errorf("got %v, want it as it was dispatched", replayed[1])
	}
	replay(capability.ReplayFilter{SettledAfter: settled.Add(3*time.Second + time.Microsecond)}, 0)
	replay(capability.ReplayFilter{SettledBefore: settled.Add(time.Second - time.Microsecond)}, 0)
	replay(capability.ReplayFilter{SettledAfter: settled.Add(time.Second), SettledBefore: settled.Add(3 * time.Second)}, 2)
	batch := wantFetched(t, queue, "large") // k1 comes after k2 now
	if got := len(batch[0].Payload().([]byte)); got != 5000 {
		t.Errorf("got a payload of %d bytes", got)
	}
	ack(t, queue, append(batch, replayed...)...)
	wantFetched(t, queue, "k1")
	b.advance(time.Hour)
	replay(capability.ReplayFilter{}, 0)
}

func TestWhatWasKeptForItsIDOnlyIsNotReplayed(t *testing.T) {
	queue := newBench(t).queue(t)
	dispatch(t, queue, transaction("a"), ergon.NewTransaction("large", make([]byte, 5000)))
	ack(t, queue, fetch(t, queue, 2)...)
	if n, err := queue.ReplayTransactions(t.Context(), capability.ReplayFilter{}); n != 0 || err != nil {
		t.Errorf("replayed %d, %v, want none", n, err)
	}
}

func TestManyAreReplayed(t *testing.T) {
	queue := newBench(t).queue(t, func(s *sqlite.QueueSettings) { s.RetainSettled = time.Hour })
	const n = 1003
	dispatch(t, queue, numbered(n)...)
	ack(t, queue, fetch(t, queue, n)...)
	if replayed, err := queue.ReplayTransactions(t.Context(), capability.ReplayFilter{}); replayed != n || err != nil {
		t.Fatalf("replayed %d, %v, want %d", replayed, err, n)
	}
	batch := fetch(t, queue, 2*n)
	for i, tx := range batch {
		if want := fmt.Sprint("t", i); tx.ID() != want {
			t.Fatalf("number %d is %s, want %s", i, tx.ID(), want)
		}
	}
	if len(batch) != n {
		t.Errorf("got %d, want %d", len(batch), n)
	}
}
