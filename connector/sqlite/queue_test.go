package sqlite_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/policy"
)

func TestTransactionsComeInTheOrderOfDispatch(t *testing.T) {
	queue := newBench(t).queue(t)
	dispatch(t, queue, transactions("b", "a")...)
	dispatch(t, queue, transactions("d", "c")...)
	wantIDs(t, fetch(t, queue, 3), "b", "a", "d")
	wantFetched(t, queue, "c")
	wantFetched(t, queue)
}

func TestWhatIsDispatchedIsDeliveredWhole(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	large := strings.Repeat("x", 100_000)
	sent := map[string]any{
		"bytes": []byte{0, 0xff}, "nothing": []byte{}, "text": "no JSON", "number": 7, "struct": struct{ A string }{"ü"},
		"large": large, "nil": nil, "at the border": large[:1500], "over it": large[:1501],
	}
	want := map[string]string{
		"bytes": "\x00\xff", "nothing": "", "text": "no JSON", "number": "7", "struct": `{"A":"ü"}`, "large": large, "nil": "null",
		"at the border": large[:1500], "over it": large[:1501],
	}
	for id, payload := range sent {
		dispatch(t, queue, ergon.NewTransaction(id, payload).WithMetadata("traceparent", "00-1").WithMetadata("ünï", "\x00"))
	}
	b.advance(time.Second)
	got := map[string]string{}
	for _, tx := range fetch(t, queue, 100) {
		payload, ok := tx.Payload().([]byte)
		if !ok || payload == nil {
			t.Errorf("%s: got a payload of type %T, want bytes", tx.ID(), tx.Payload())
		}
		got[tx.ID()] = string(payload)
		if trace, _ := tx.Metadata("traceparent"); trace != "00-1" {
			t.Errorf("%s: got traceparent %q", tx.ID(), trace)
		}
		if odd, _ := tx.Metadata("ünï"); odd != "\x00" {
			t.Errorf("%s: got %q", tx.ID(), odd)
		}
		if d := tx.Delivery(); d.Count != 1 || !d.EnqueuedAt.Equal(newClock().at) {
			t.Errorf("%s: got delivery %+v, want the first, enqueued a second ago", tx.ID(), d)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("payloads (-want +got):\n%s", diff)
	}
}

func TestSettledTransactionIsGone(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("a", "b")...)
	ack(t, queue, fetch(t, queue, 1)...)
	b.advance(10 * lease)
	wantFetched(t, queue, "b")
}

func TestHigherPriorityComesFirst(t *testing.T) {
	queue := newBench(t).queue(t)
	dispatch(t, queue, transaction("low", "priority=-1"), transaction("normal"), transaction("high", "priority=10"),
		transaction("high too", "priority=10"))
	wantFetched(t, queue, "high", "high too", "normal", "low")
}

func TestDelayedTransactionComesAtItsTimeAndNotBefore(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	at := b.at.Add(time.Hour).Format(time.RFC3339)
	dispatch(t, queue, transaction("later", "deliver_at="+at), transaction("now"),
		transaction("past", "deliver_at=2001-01-01T00:00:00+02:00"))
	ack(t, queue, wantFetched(t, queue, "now", "past")...)
	b.advance(time.Hour - time.Microsecond)
	wantFetched(t, queue)
	b.advance(time.Microsecond)
	wantFetched(t, queue, "later")
}

func TestOneIDIsOneTransaction(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, func(s *sqlite.QueueSettings) { s.DedupWindow = time.Hour })
	dispatch(t, queue, transactions("a", "a", "b")...)
	dispatch(t, queue, transactions("a")...) // it waits
	batch := wantFetched(t, queue, "a", "b")
	dispatch(t, queue, transactions("a")...) // it is claimed
	wantFetched(t, queue)
	ack(t, queue, batch...)
	b.advance(time.Hour - time.Microsecond)
	if err := queue.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	queue = b.queue(t) // the window survives
	dispatch(t, queue, transactions("a")...)
	wantFetched(t, queue)
	b.advance(time.Microsecond)
	dispatch(t, queue, transactions("a")...)
	wantFetched(t, queue, "a")
}

func TestQueueWithoutADedupWindowForgetsIDsAtOnce(t *testing.T) {
	queue := newBench(t).queue(t, func(s *sqlite.QueueSettings) { s.DedupWindow = 0 })
	for range 3 {
		dispatch(t, queue, transactions("a")...)
		ack(t, queue, wantFetched(t, queue, "a")...)
	}
}

func TestQueuesOfOneFileHaveNothingInCommon(t *testing.T) {
	b := newBench(t)
	jobs, mails := b.queue(t), b.queue(t, named("mails"))
	dispatch(t, jobs, transactions("a")...)
	wantFetched(t, mails)
	dispatch(t, mails, transactions("a")...)
	batch := wantFetched(t, mails, "a")
	err := jobs.SettleTransactions(t.Context(), settlements(capability.Settlement{}, batch...))
	wantError(t, err, "sqlite queue jobs: transaction a: the transaction did not come from this queue")
	wantFetched(t, jobs, "a")
}

func TestTransactionThatCannotBeStoredFailsAlone(t *testing.T) {
	queue := newBench(t).queue(t, func(s *sqlite.QueueSettings) { s.MaxPayloadBytes = 10 })
	err := queue.DispatchTransactions(t.Context(), []ergon.Transaction{
		ergon.NewTransaction("fits", []byte("0123456789")),
		ergon.NewTransaction("large", []byte("secret12345")),
		ergon.NewTransaction("function", func() {}),
		ergon.NewTransaction("error", errors.New("no record")),
		transaction("p", "priority=high"),
		transaction("d", "deliver_at=tomorrow"),
		transaction("m", "x=\xff"),
	})
	batch, ok := errors.AsType[*ergon.BatchError](err)
	if !ok {
		t.Fatalf("got %v, want a BatchError", err)
	}
	for i, want := range map[int]string{
		1: "sqlite queue jobs: transaction large: its payload has 11 bytes, more than max_payload_bytes 10; raise that, or dispatch a " +
			"reference to it",
		2: "transaction function: its payload, a func(), does not encode as JSON",
		3: "transaction error: its payload is an error, which is how a source tells",
		4: `transaction p: its metadata has priority "high", must be a whole number such as 10`,
		5: `transaction d: its metadata has deliver_at "tomorrow", must be a time such as 2026-02-28T12:00:00Z`,
		6: `transaction m: its metadata has "x", which is not UTF-8`,
	} {
		wantError(t, batch.Failures[i], want)
	}
	if len(batch.Failures) != 6 || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	wantFetched(t, queue, "fits")
}

func TestClosedQueueRefusesEverything(t *testing.T) {
	queue := newBench(t).newQueue(t)
	for range 2 {
		_, fetching := queue.FetchTransactions(t.Context(), 1)
		_, resolving := queue.FetchTransactionByID(t.Context(), "a")
		_, counting := queue.CountTransactions(t.Context())
		for what, err := range map[string]error{
			"fetch": fetching, "resolve": resolving, "count": counting,
			"dispatch": queue.DispatchTransactions(t.Context(), transactions("a")),
			"settle":   queue.SettleTransactions(t.Context(), settlements(capability.Settlement{}, transactions("a")...)),
			"extend":   queue.ExtendLeases(t.Context(), transactions("a")),
		} {
			if !errors.Is(err, sqlite.ErrClosed) {
				t.Errorf("%s: got %v, want ErrClosed", what, err)
			}
		}
		open(t, queue)
		if err := queue.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFetchOfNothingIsRefused(t *testing.T) {
	queue := newBench(t).queue(t)
	_, err := queue.FetchTransactions(t.Context(), 0)
	wantError(t, err, "sqlite queue jobs: fetch of 0 transactions: the limit must be at least 1")
}

func TestUnknownSettlementIsRefused(t *testing.T) {
	queue := newBench(t).queue(t)
	dispatch(t, queue, transactions("a")...)
	err := queue.SettleTransactions(t.Context(), settlements(capability.Settlement{Action: policy.SettleAction(9)}, fetch(t, queue, 1)...))
	wantError(t, err, "transaction a: unknown settle action 9")
}

// Many are inserted by one statement, which knows no exceptions.
func TestKnownOnesInABatchDoNotDisturbTheOthers(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, func(s *sqlite.QueueSettings) { s.DedupWindow = time.Hour })
	dispatch(t, queue, transactions("t3", "t14")...)
	batch := fetch(t, queue, 2)
	ack(t, queue, batch[1])
	dispatch(t, queue, numbered(25)...)
	want := idsOf(numbered(25))
	want = slices.DeleteFunc(want, func(id string) bool { return id == "t3" || id == "t14" })
	wantFetched(t, queue, want...)
	b.advance(time.Hour)
	ack(t, queue, wantFetched(t, queue, append([]string{"t3"}, want...)...)...)
	dispatch(t, queue, numbered(25)...) // t14 is forgotten, though nobody has deleted it
	wantFetched(t, queue, "t14")
}
