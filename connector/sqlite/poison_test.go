package sqlite_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

func maxDeliveries(n int) func(*sqlite.QueueSettings) {
	return func(s *sqlite.QueueSettings) { s.MaxDeliveries = n }
}

// [E2] Whoever took it died: the queue itself has to give it up.
func TestTransactionThatIsLostTooOftenBecomesADeadLetter(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t, maxDeliveries(3)), b.deadLetters(t)
	dispatch(t, queue, transaction("a", "k=v"))
	for range 3 {
		wantFetched(t, queue, "a")
		b.advance(lease)
	}
	if got := letters(t, dead); len(got) != 0 {
		t.Fatalf("got %d letters before anybody looked", len(got))
	}
	wantFetched(t, queue)
	want := []deadletter.Letter{{
		Key: "1", Queue: "jobs", Record: deadletter.Record{
			ID: "a", Phase: policy.PhaseProcess, Attempts: 3, Deliveries: 3,
			Message:    "delivered 3 times without being settled: each time its process died, or its lease ran out",
			EnqueuedAt: newClock().at, FailedAt: b.at, Metadata: map[string]string{"k": "v"}, Payload: json.RawMessage(`"a"`),
		},
	}}
	if diff := cmp.Diff(want, letters(t, dead), cmpopts.IgnoreFields(deadletter.Record{}, "Fingerprint"), anyOrigin); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
	if n, _ := queue.CountTransactions(t.Context()); n != 0 {
		t.Errorf("%d transactions are left", n)
	}
}

// What says no again and again is its task's affair, and what is waiting for an outage to end must not die of it.
func TestSettledDeliveriesAreNotLost(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t, maxDeliveries(2)), b.deadLetters(t)
	dispatch(t, queue, transactions("a")...)
	for range 5 {
		wantFetched(t, queue, "a")
		b.advance(lease)
		settle(t, queue, requeued, wantFetched(t, queue, "a")...)
		settle(t, queue, interrupted, wantFetched(t, queue, "a")...)
	}
	if got := letters(t, dead); len(got) != 0 {
		t.Errorf("got %d letters, want none", len(got))
	}
}

func TestInterruptionDoesNotMakeUpForALoss(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t, maxDeliveries(2)), b.deadLetters(t)
	dispatch(t, queue, transactions("a")...)
	wantFetched(t, queue, "a")
	b.advance(lease)
	settle(t, queue, interrupted, wantFetched(t, queue, "a")...)
	wantFetched(t, queue, "a")
	b.advance(lease)
	wantFetched(t, queue)
	if got := letters(t, dead); len(got) != 1 {
		t.Errorf("got %d letters, want one", len(got))
	}
}

func TestLastDeliveryThatIsHeldBackIsTheLastStill(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, maxDeliveries(2))
	dispatch(t, queue, transactions("a", "b")...)
	fetch(t, queue, 2)
	b.advance(lease)
	for _, id := range []string{"a", "b"} {
		held := interrupted
		held.Delay = time.Second
		settle(t, queue, held, wantFetched(t, queue, id)...)
	}
	b.advance(time.Second)
	wantFetched(t, queue, "a")
}

// One transaction kills its process again and again, and nine that are delivered beside it do nothing wrong.
func TestWhatRanBesideADeadlyTransactionOutlivesIt(t *testing.T) {
	b := newBench(t)
	queue, other, dead := b.queue(t, maxDeliveries(3)), b.queue(t, maxDeliveries(3)), b.deadLetters(t)
	for i := range 10 {
		dispatch(t, queue, transaction(strconv.Itoa(i)))
	}
	done := map[string]bool{}
	for range 100 {
		batch := fetch(t, queue, 10)
		beside := fetch(t, other, 10)
		deadly := false
		for _, tx := range append(batch, beside...) {
			deadly = deadly || tx.ID() == "5"
		}
		if deadly {
			b.advance(lease) // all that it had is lost
			continue
		}
		for _, tx := range append(batch, beside...) {
			done[tx.ID()] = true
			ack(t, queue, tx)
		}
	}
	got := letters(t, dead)
	if len(got) != 1 || got[0].ID != "5" || len(done) != 9 {
		t.Errorf("got %d letters and %d done, want a letter for 5 and the other nine done", len(got), len(done))
	}
}

func TestLastDeliveriesAreMadeOneAtATimeBesideOthers(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, maxDeliveries(2))
	dispatch(t, queue, transactions("a", "b")...)
	fetch(t, queue, 2)
	b.advance(lease)
	dispatch(t, queue, transactions("c", "d")...)
	first := fetch(t, queue, 2)
	wantIDs(t, first, "a", "c")
	wantFetched(t, queue, "d")
	wantFetched(t, queue)
	ack(t, queue, first[0])
	wantFetched(t, queue, "b")
}

func TestQueueWithoutALimitNeverGivesUp(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, maxDeliveries(0))
	dispatch(t, queue, transactions("a", "b")...)
	for range 50 {
		wantFetched(t, queue, "a", "b")
		b.advance(lease)
	}
}

func TestQueueOfOneDeliveryGivesUpAtTheFirstLoss(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t, maxDeliveries(1)), b.deadLetters(t)
	dispatch(t, queue, transactions("a", "b")...)
	batch := wantFetched(t, queue, "a", "b")
	ack(t, queue, batch[0])
	b.advance(lease - time.Microsecond)
	wantFetched(t, queue)
	b.advance(time.Microsecond)
	wantFetched(t, queue)
	if got := letters(t, dead); len(got) != 1 || got[0].ID != "b" {
		t.Errorf("got %v, want a letter for b", got)
	}
}

func TestRejectedTransactionBecomesADeadLetter(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t), b.deadLetters(t)
	dispatch(t, queue, transactions("a")...)
	batch := fetch(t, queue, 1)
	settle(t, queue, rejected, batch...)
	wantStale(t, queue, batch...)
	if got := letters(t, dead); len(got) != 1 || got[0].ID != "a" || got[0].Queue != "jobs" || got[0].Message != "rejected by its task" {
		t.Errorf("got %+v, want one letter that says so", got)
	}
	b.advance(lease)
	wantFetched(t, queue)
}
