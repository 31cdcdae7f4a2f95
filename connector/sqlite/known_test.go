package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// saying is a transaction with a content of its own.
func saying(id, text string) ergon.Transaction { return ergon.NewTransaction(id, []byte(text)) }

// derived is one whose id came from another's.
func derived(id, text string) ergon.Transaction { return saying("", text).WithDerivedID(id) }

// told dispatches and returns what was reported, as "id result".
func told(tb testing.TB, to ergon.Dispatcher, batch ...ergon.Transaction) []string {
	tb.Helper()
	var heard []string
	if err := to.DispatchTransactions(listening(tb, &heard), batch); err != nil {
		tb.Fatalf("dispatching: %v", err)
	}
	return heard
}

func listening(tb testing.TB, heard *[]string) context.Context {
	tb.Helper()
	return capability.WithDispatchReport(tb.Context(), func(tx ergon.Transaction, r capability.DispatchResult) {
		*heard = append(*heard, tx.ID()+" "+string(r))
	})
}

func wantTold(tb testing.TB, got []string, want ...string) {
	tb.Helper()
	if !slices.Equal(got, want) {
		tb.Errorf("reported %q, want %q", got, want)
	}
}

// contents are what a queue holds, in order, as "id content".
func contents(tb testing.TB, from *sqlite.Queue) []string {
	tb.Helper()
	var all []string
	for _, state := range []capability.QueueState{capability.StateReady, capability.StateClaimed} {
		batch, err := from.PeekTransactions(tb.Context(), state, 1000)
		if err != nil {
			tb.Fatal(err)
		}
		for _, tx := range batch {
			all = append(all, tx.ID()+" "+string(tx.Payload().([]byte)))
		}
	}
	return all
}

func wantContents(tb testing.TB, from *sqlite.Queue, want ...string) {
	tb.Helper()
	if got := contents(tb, from); !slices.Equal(got, want) {
		tb.Errorf("the queue holds %q, want %q", got, want)
	}
}

// [I2] Whatever state the first is in, and in batches of any size.
func TestQueueTellsWhatItKnew(t *testing.T) {
	for name, before := range map[string]func(*testing.T, *sqlite.Queue){
		"it waits":      func(*testing.T, *sqlite.Queue) {},
		"it is claimed": func(t *testing.T, q *sqlite.Queue) { fetch(t, q, 1) },
		"it is settled": func(t *testing.T, q *sqlite.Queue) { ack(t, q, fetch(t, q, 1)...) },
		"it was rejected": func(t *testing.T, q *sqlite.Queue) {
			settle(t, q, rejected, fetch(t, q, 1)...)
		},
		"it is kept whole": func(t *testing.T, q *sqlite.Queue) { ack(t, q, fetch(t, q, 1)...) },
	} {
		for _, many := range []int{0, 30} {
			t.Run(fmt.Sprint(name, ", with ", many), func(t *testing.T) {
				queue := newBench(t).queue(t, func(s *sqlite.QueueSettings) {
					if name == "it is kept whole" {
						s.RetainSettled = time.Hour
					}
				})
				wantTold(t, told(t, queue, saying("a", "one").WithMetadata("k", "v")))
				before(t, queue)
				beside := slices.Grow(numbered(many), 4)
				same := saying("a", "one").WithMetadata("k", "v").WithMetadata("traceparent", "00-x").WithMetadata("priority", "7")
				wantTold(t, told(t, queue, append(beside,
					same, saying("a", "two").WithMetadata("k", "v"), saying("a", "one"), derived("a", "two").WithMetadata("k", "v"))...),
					"a duplicate", "a conflict", "a conflict", "a diverged")
				wantTold(t, told(t, queue, append(numbered(many), saying("z", "z"))...), duplicates(many)...)
				alternate := derived("a", "").AlternateID(capability.ContentDigestOf([]byte("two"), map[string]string{"k": "v"}))
				if got := contents(t, queue); !slices.Contains(got, alternate+" two") || !slices.Contains(got, "z z") {
					t.Errorf("the queue holds %q, want %s and z among it", got, alternate)
				}
			})
		}
	}
}

func duplicates(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("t%d duplicate", i)
	}
	return all
}

// [I2] Of several in one batch the first one stands.
func TestOneIDTwiceInABatchIsToldOfTheLaterOnes(t *testing.T) {
	for _, beside := range []int{0, 30} {
		queue := newBench(t).queue(t)
		several := []ergon.Transaction{saying("a", "one"), saying("a", "one"), saying("a", "two"), derived("a", "three")}
		batch := slices.Concat(several, numbered(beside))
		wantTold(t, told(t, queue, batch...), "a duplicate", "a conflict", "a diverged")
		if got := contents(t, queue)[0]; got != "a one" {
			t.Errorf("got %s first, want a one", got)
		}
	}
}

// [I2] A redelivered transaction whose outputs come in another order, after a part of them was stored: nothing is lost.
func TestOutputsThatComeOutDifferentlyAreAllStored(t *testing.T) {
	queue := newBench(t).queue(t)
	wantTold(t, told(t, queue, derived("in/0", "A")))
	wantTold(t, told(t, queue, derived("in/0", "B"), derived("in/1", "A")), "in/0 diverged")
	wantTold(t, told(t, queue, derived("in/0", "B"), derived("in/1", "A")), "in/0 duplicate", "in/1 duplicate")
	got := contents(t, queue)
	if len(got) != 3 || got[0] != "in/0 A" || !strings.HasSuffix(got[1], " B") || got[2] != "in/1 A" {
		t.Errorf("the queue holds %q, want A, B and A", got)
	}
}

// [I2] The setting first lets the first stand in each case.
func TestQueueMayLetTheFirstStandAlways(t *testing.T) {
	queue := newBench(t).queue(t, onConflict(capability.ConflictFirst))
	wantTold(t, told(t, queue, saying("a", "one"), saying("a", "two"), derived("a", "three")), "a conflict", "a conflict")
	wantContents(t, queue, "a one")
}

func onConflict(c capability.OnConflict) func(*sqlite.QueueSettings) {
	return func(s *sqlite.QueueSettings) { s.OnConflict = c }
}

// [I2] A conflict may be an error of its item; what is derived is stored all the same.
func TestConflictMayBeAnError(t *testing.T) {
	queue := newBench(t).queue(t, onConflict(capability.ConflictError))
	var heard []string
	err := queue.DispatchTransactions(listening(t, &heard), []ergon.Transaction{
		saying("a", "one"), saying("a", "two"), saying("b", "b"), derived("a", "three"), saying("a", "one"),
	})
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 1 || !errors.Is(failed.Failures[1], capability.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict for the second", err)
	}
	if !(&ergon.TransactionError{Err: failed.Failures[1]}).IsPermanent() {
		t.Error("it would be tried again")
	}
	wantError(t, err, "sqlite queue jobs: transaction a: the id is known with other content; the first one stands")
	wantTold(t, heard, "a diverged", "a duplicate")
	if got := contents(t, queue); len(got) != 3 {
		t.Errorf("the queue holds %q, want a, b and another a", got)
	}
}

// [I4] Off means off.
func TestQueueWithoutDeduplicationTakesEverything(t *testing.T) {
	b := newBench(t)
	off := func(s *sqlite.QueueSettings) { s.Dedup, s.RetainSettled = false, time.Hour }
	queue := b.queue(t, off)
	for range 2 {
		wantTold(t, told(t, queue, append(numbered(12), saying("a", "one"), saying("a", "one"), saying("a", "two"), derived("a", "two"))...))
	}
	all := fetch(t, queue, 100)
	if len(all) != 32 {
		t.Fatalf("got %d, want 32", len(all))
	}
	ack(t, queue, all...)
	n, err := queue.ReplayTransactions(t.Context(), capability.ReplayFilter{IDs: []string{"a"}})
	if err != nil || n != 8 {
		t.Errorf("replayed %d of the id, %v, want all 8", n, err)
	}
	for range 8 {
		if _, err := queue.FetchTransactionByID(t.Context(), "a"); err != nil {
			t.Fatalf("resolving: %v", err)
		}
	}
	if got := queue.Declare().Dedup; got != capability.DedupNone {
		t.Errorf("it declares %q, want none", got)
	}
	on := b.queue(t, func(s *sqlite.QueueSettings) { s.RetainSettled = time.Hour })
	wantTold(t, told(t, on, saying("a", "two"), saying("a", "three"), saying("t0", "t0")), "a duplicate", "a conflict", "t0 conflict")
}

// [I3] A later arrival is known only as itself; a first one is compared with all of them.
func TestLaterArrivalIsComparedWithItself(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	again := func(arrival, text string) ergon.Transaction { return saying("a", text).WithArrival(arrival) }
	wantTold(t, told(t, queue, saying("a", "one")))
	wantTold(t, told(t, queue, again("1-x", "one"), again("1-x", "one"), again("1-x", "two"), again("2-y", "two")),
		"a duplicate", "a conflict")
	wantTold(t, told(t, queue, saying("a", "one"), saying("a", "two"), saying("a", "three")), "a duplicate", "a duplicate", "a conflict")
	batch := wantFetched(t, queue, "a", "a", "a")
	for i, want := range []string{"", "1-x", "2-y"} {
		if got := batch[i].Arrival(); got != want {
			t.Errorf("got arrival %q, want %q", got, want)
		}
	}
	ack(t, queue, batch...)
	b.advance(10*time.Minute - time.Microsecond)
	wantTold(t, told(t, queue, again("1-x", "one"), saying("a", "one")), "a duplicate", "a duplicate")
	b.advance(time.Microsecond)
	wantTold(t, told(t, queue, append(numbered(12), again("1-x", "three"), saying("a", "four"))...), "a conflict")
	wantContents(t, queue, append(numberedContents(12), "a three")...)
}

func numberedContents(n int) []string {
	all := make([]string, n)
	for i, tx := range numbered(n) {
		all[i] = tx.ID() + " " + string(tx.Payload().([]byte))
	}
	return all
}

// [I3] What was edited is known by what it said first as well.
func TestFirstContentIsKnownAfterAnEdit(t *testing.T) {
	queue := newBench(t).queue(t)
	edited := capability.Edited(saying("a", "one"), []byte("two"), capability.ContentDigestOf([]byte("one"), nil)).WithArrival("1-x")
	wantTold(t, told(t, queue, edited))
	wantTold(t, told(t, queue, saying("a", "one"), saying("a", "two"), saying("a", "three")), "a duplicate", "a duplicate", "a conflict")
	wantTold(t, told(t, queue, saying("a", "one").WithArrival("1-x"), edited), "a conflict", "a duplicate")
}

// [I2] What a hop finds is told once it is durable, and by no hop that had no effect.
func TestHopTellsWhatItsOutputsWere(t *testing.T) {
	b := newBench(t)
	in, out, strict := b.queue(t), b.queue(t, named("out")), b.queue(t, named("strict"), onConflict(capability.ConflictError))
	dispatch(t, out, saying("x", "one"))
	dispatch(t, strict, saying("x", "one"))
	dispatch(t, in, transactions("a", "b", "c", "d")...)
	batch := fetch(t, in, 4)
	to := func(q *sqlite.Queue, all ...ergon.Transaction) capability.Output {
		return capability.Output{To: q, Transactions: all}
	}
	var heard []string
	err := in.HopTransactions(listening(t, &heard), []capability.Hop{
		hop(batch[0], to(out, saying("x", "one"), saying("x", "two"), derived("x", "three"))),
		hop(batch[1], to(strict, saying("y", "y"), saying("x", "two"))),
		hop(batch[2], to(strict, saying("x", "one"), derived("x", "three"))),
		hop(batch[3], to(strict, saying("z", "one"), saying("z", "two"))),
	})
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 2 || !errors.Is(failed.Failures[1], capability.ErrConflict) ||
		!errors.Is(failed.Failures[3], capability.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict for the second and the fourth", err)
	}
	slices.Sort(heard)
	wantTold(t, heard, "x conflict", "x diverged", "x diverged", "x duplicate", "x duplicate")
	if n := len(contents(t, strict)); n != 2 {
		t.Errorf("the strict queue holds %q, want x and another x", contents(t, strict))
	}
	wantStale(t, in, batch[0], batch[2])
	ack(t, in, batch[1], batch[3]) // they are still ours
}

// [I2] What a program before this schema stored has no digest: its content is the judge, for as long as it is there.
func TestOlderTransactionsAreComparedByWhatTheySay(t *testing.T) {
	b := newBench(t)
	older(t, b.path)
	queue := b.queue(t)
	wantTold(t, told(t, queue, saying("a", `"a"`), saying("a", "other"), saying("c", "unknown"), derived("c", "unknown")),
		"a duplicate", "a conflict", "c duplicate", "c diverged")
	batch := fetch(t, queue, 100)
	ack(t, queue, batch...) // a is settled, and only its id is kept
	wantTold(t, told(t, queue, saying("a", `"a"`), saying("a", "other")), "a duplicate", "a conflict")
}

// [I2] So is what is buried without having been claimed since.
func TestOlderTransactionThatIsBuriedIsComparedByWhatItSaid(t *testing.T) {
	b := newBench(t)
	older(t, b.path)
	queue := b.queue(t, maxDeliveries(1))
	fetch(t, queue, 1) // b was lost once
	wantTold(t, told(t, queue, saying("b", `"b"`), saying("b", "other")), "b duplicate", "b conflict")
}

// [K17] A later program may add to the file, and says who may still write to it.
func TestLaterSchemaThatOnlyAddsIsWorkedOn(t *testing.T) {
	b := newBench(t)
	queue := b.newQueue(t)
	if err := errors.Join(queue.Open(t.Context()), queue.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := execute(b.path, "ALTER TABLE items ADD COLUMN later TEXT NOT NULL DEFAULT 'x'", "UPDATE about SET schema = 5"); err != nil {
		t.Fatal(err)
	}
	open(t, queue)
	dispatch(t, queue, append(numbered(12), transaction("a"))...)
	ack(t, queue, fetch(t, queue, 100)...)
	if err := queue.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := execute(b.path, "PRAGMA user_version = 5"); err != nil {
		t.Fatal(err)
	}
	wantError(t, queue.Open(t.Context()), "was made by a newer version of this program (it has schema 5, this one knows up to 4)")
}

// [I3] A program before arrivals refuses the file, which user_version tells it.
func TestFileNamesTheOldestSchemaThatMayWrite(t *testing.T) {
	b := newBench(t)
	if err := errors.Join(b.queue(t).Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	db, err := database(b.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var oldest, schema int
	var store string
	if err := db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&oldest); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRowContext(t.Context(), "SELECT schema, store FROM about").Scan(&schema, &store); err != nil {
		t.Fatal(err)
	}
	if oldest != 3 || schema != 4 || len(store) != 32 {
		t.Errorf("got oldest writer %d, schema %d, store %q, want 3, 4 and 32 digits", oldest, schema, store)
	}
}

// [I2] A queue says what it is.
func TestQueueDeclares(t *testing.T) {
	got := newBench(t).newQueue(t).Declare()
	want := capability.Declaration{
		Destination: "jobs", Sharing: capability.SharingCompeting, Order: capability.OrderKey, Dedup: capability.DedupReported,
		Notes: []string{"durability normal: a power cut may undo the last commits; a killed process loses nothing"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
