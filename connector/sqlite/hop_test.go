package sqlite_test

import (
	"errors"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

func hop(of ergon.Transaction, outputs ...capability.Output) capability.Hop {
	return capability.Hop{Settlement: capability.Settlement{Transaction: of}, Outputs: outputs}
}

func output(to ergon.Dispatcher, ids ...string) capability.Output {
	return capability.Output{To: to, Transactions: transactions(ids...)}
}

// [B3]
func TestHopSettlesAndDispatchesTogether(t *testing.T) {
	b := newBench(t)
	in, out, mails := b.queue(t), b.queue(t, named("out")), b.queue(t, named("mails"))
	dispatch(t, in, transactions("a", "b")...)
	batch := fetch(t, in, 2)
	err := in.HopTransactions(t.Context(), []capability.Hop{
		hop(batch[0], output(out, "a1"), output(mails, "m"), output(out, "a2")), hop(batch[1]),
	})
	if err != nil {
		t.Fatal(err)
	}
	wantStale(t, in, batch...)
	wantFetched(t, out, "a1", "a2")
	wantFetched(t, mails, "m")
}

// [B3, S3] Whoever has it now does it: what came out of it here must not be there as well.
func TestStaleHopWritesNothing(t *testing.T) {
	b := newBench(t)
	in, out := b.queue(t), b.queue(t, named("out"))
	dispatch(t, in, transactions("a", "b")...)
	stale := fetch(t, in, 2)
	b.advance(lease)
	ours := wantFetched(t, in, "a", "b")
	err := in.HopTransactions(t.Context(), []capability.Hop{hop(stale[0], output(out, "x")), hop(ours[1], output(out, "y"))})
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 1 || !errors.Is(failed.Failures[0], capability.ErrStaleDelivery) {
		t.Fatalf("got %v, want ErrStaleDelivery for the first", err)
	}
	wantFetched(t, out, "y")
	ack(t, in, ours[0])
}

func TestHopWithAnOutputThatCannotBeStoredWritesNothing(t *testing.T) {
	b := newBench(t)
	in, out := b.queue(t), b.queue(t, named("out"), func(s *sqlite.QueueSettings) { s.MaxPayloadBytes = 10 })
	dispatch(t, in, transactions("a", "b")...)
	batch := fetch(t, in, 2)
	large := output(out, "x")
	large.Transactions = append(large.Transactions, ergon.NewTransaction("y", strings.Repeat("y", 11)))
	err := in.HopTransactions(t.Context(), []capability.Hop{hop(batch[0], large), hop(batch[1], output(out, "z"))})
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 1 || errors.Is(failed.Failures[0], capability.ErrStaleDelivery) {
		t.Fatalf("got %v, want one for the first", err)
	}
	wantError(t, failed.Failures[0], "transaction y: its payload has 11 bytes")
	wantFetched(t, out, "z")
	ack(t, in, batch[0]) // it is still ours
	if err := in.HopTransactions(t.Context(), []capability.Hop{hop(batch[1], large)}); err == nil {
		t.Error("a hop that cannot be stored is no error")
	}
}

// [S2] The letter and the acknowledgement are one.
func TestHopTakesADeadLetterWithIt(t *testing.T) {
	b := newBench(t)
	in, dead := b.queue(t), b.deadLetters(t)
	dispatch(t, in, transactions("a")...)
	batch := fetch(t, in, 1)
	record := recordOf(batch[0], "boom")
	err := in.HopTransactions(t.Context(), []capability.Hop{hop(batch[0],
		capability.Output{To: dead, Transactions: []ergon.Transaction{ergon.NewTransaction("a", record)}})})
	if err != nil {
		t.Fatal(err)
	}
	wantStale(t, in, batch...)
	if got := letters(t, dead); len(got) != 1 || got[0].Queue != "jobs" || got[0].Message != "boom" {
		t.Errorf("got %+v, want one letter from jobs", got)
	}
}

func TestHopMayRequeue(t *testing.T) {
	b := newBench(t)
	in, out := b.queue(t), b.queue(t, named("out"))
	dispatch(t, in, transactions("a")...)
	h := hop(wantFetched(t, in, "a")[0], output(out, "progress"))
	h.Settlement.Action = policy.SettleRequeue
	if err := in.HopTransactions(t.Context(), []capability.Hop{h}); err != nil {
		t.Fatal(err)
	}
	wantFetched(t, out, "progress")
	wantFetched(t, in, "a")
}

// wrapper is what an engine puts around a connector.
type wrapper struct{ ergon.Dispatcher }

func (w wrapper) Unwrap() ergon.Dispatcher { return w.Dispatcher }

// opaque is a wrapper that gives nothing away.
type opaque struct{ ergon.Dispatcher }

func TestStoreIsSharedByWhatIsOpenOnTheSameFile(t *testing.T) {
	b := newBench(t)
	in, out, dead := b.queue(t), b.queue(t, named("out")), b.deadLetters(t)
	other := newBench(t)
	for name, c := range map[string]struct {
		to   ergon.Dispatcher
		want bool
	}{
		"itself": {in, true}, "another queue": {out, true}, "dead letters": {dead, true},
		"wrapped": {wrapper{wrapper{out}}, true}, "wrapped without a way in": {opaque{out}, false},
		"another file": {other.queue(t), false}, "dead letters of another file": {other.deadLetters(t), false},
		"not open": {b.newQueue(t), false},
	} {
		if got := in.SharesStore(c.to); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	if b.newQueue(t).SharesStore(b.newQueue(t)) {
		t.Error("two that are not open share a store")
	}
	err := in.HopTransactions(t.Context(), []capability.Hop{hop(transaction("a"), output(opaque{out}))})
	wantError(t, err, "an output goes to a sqlite_test.opaque, which is not in the same file; dispatch it separately")
}

// The same file by another name is the same file.
func TestStoreIsSharedAlsoByWayOfASymbolicLink(t *testing.T) {
	b := newBench(t)
	in := b.queue(t)
	link := &bench{clock: b.clock, path: b.path + ".link"}
	if err := os.Symlink(b.path, link.path); err != nil {
		t.Skip(err)
	}
	out := link.queue(t, named("out"))
	if !in.SharesStore(out) {
		t.Error("it is not shared")
	}
}

func recordOf(tx ergon.Transaction, message string) deadletter.Record {
	return deadletter.Record{
		ID: tx.ID(), Task: "triage", Category: ergon.CategoryBusiness, Phase: policy.PhaseProcess, Attempts: 1, Message: message,
		Fingerprint: "f-" + message, Deliveries: tx.Delivery().Count, EnqueuedAt: tx.Delivery().EnqueuedAt,
		FailedAt: newClock().at, Metadata: maps.Collect(tx.AllMetadata()), Payload: tx.Payload(),
	}
}
