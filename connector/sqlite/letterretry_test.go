package sqlite_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// buried dispatches, fetches and buries a transaction, and returns it as it was delivered.
func buried(t *testing.T, queue *sqlite.Queue, dead *sqlite.DeadLetters, tx ergon.Transaction) ergon.Transaction {
	t.Helper()
	dispatch(t, queue, tx)
	batch := wantFetched(t, queue, tx.ID())
	deadLetter(t, queue, dead, "boom", batch...)
	return batch[0]
}

// [I3] A retry is another arrival of the same generation, and the first content stays known beside it.
func TestRetriedLetterArrivesAlthoughItsIDIsKnown(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t), b.deadLetters(t)
	buried(t, queue, dead, saying("a", "one"))
	retry(t, dead, 1)
	wantTold(t, told(t, queue, saying("a", "one"), saying("a", "two")), "a duplicate", "a conflict")
	again := wantFetched(t, queue, "a")[0]
	if !strings.HasPrefix(again.Arrival(), "1-") || again.Generation() != 0 {
		t.Errorf("got arrival %q of generation %d, want the first retry of generation 0", again.Arrival(), again.Generation())
	}
	deadLetter(t, queue, dead, "boom again", again)
	retry(t, dead, 1)
	third := wantFetched(t, queue, "a")[0]
	if !strings.HasPrefix(third.Arrival(), "2-") {
		t.Errorf("got arrival %q, want the second retry", third.Arrival())
	}
	b.advance(2 * time.Hour) // the first two are forgotten
	wantTold(t, told(t, queue, saying("a", "one"), saying("a", "two")), "a duplicate", "a conflict")
}

// [I3] An edit arrives, as another generation, and its history goes with it.
func TestEditedLetterArrivesWithItsNewPayload(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t), b.deadLetters(t)
	buried(t, queue, dead, saying("a", `"broken"`).WithMetadata("k", "v"))
	if edited, err := dead.EditDeadLetter(t.Context(), "7", []byte(`"x"`)); edited || err != nil {
		t.Errorf("a letter that is not there: got %v, %v", edited, err)
	}
	if edited, err := dead.EditDeadLetter(t.Context(), "1", []byte(`"fixed"`)); !edited || err != nil {
		t.Fatalf("got %v, %v, want it edited", edited, err)
	}
	wantContents(t, queue, `a "fixed"`)
	first, fixed := saying("a", `"broken"`).WithMetadata("k", "v"), saying("a", `"fixed"`).WithMetadata("k", "v")
	wantTold(t, told(t, queue, first, fixed, saying("a", "third")), "a duplicate", "a duplicate", "a conflict")
	tx := wantFetched(t, queue, "a")[0]
	if tx.Generation() != 1 || !strings.HasPrefix(tx.Arrival(), "1-") {
		t.Errorf("got generation %d, arrival %q, want the first of each", tx.Generation(), tx.Arrival())
	}
	deadLetter(t, queue, dead, "boom", tx)
	if got := letters(t, dead); len(got) != 1 || len(got[0].History) != 1 {
		t.Fatalf("got %+v, want a letter with a history", got)
	}
	b.advance(time.Hour) // what was settled is forgotten
	retry(t, dead, 1)
	wantTold(t, told(t, queue, first, fixed), "a duplicate", "a duplicate") // what it said first travels with it
}

// [I3] Known with other content is no arrival: the letter stays. With the same content it is there already, and the letter goes.
func TestLetterStaysWhereItsArrivalIsKnownWithOtherContent(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t), b.deadLetters(t)
	failed := buried(t, queue, dead, saying("a", "one"))
	arrival := capability.NextArrival(failed, letters(t, dead)[0].Origin)
	dispatch(t, queue, saying("a", "other").WithArrival(arrival))
	retry(t, dead, 0)
	if got := letters(t, dead); len(got) != 1 {
		t.Fatalf("got %d letters, want it to stay", len(got))
	}
	wantContents(t, queue, "a other")

	other := newBench(t)
	queue, dead = other.queue(t), other.deadLetters(t)
	failed = buried(t, queue, dead, saying("a", "one"))
	dispatch(t, queue, saying("a", "one").WithArrival(capability.NextArrival(failed, letters(t, dead)[0].Origin)))
	retry(t, dead, 1)
	if got := letters(t, dead); len(got) != 0 {
		t.Errorf("got %d letters, want it gone", len(got))
	}
	wantContents(t, queue, "a one")
}

// [I3] Letters of two stores have the same key and are not the same arrival.
func TestLettersOfTwoStoresAreTwoArrivals(t *testing.T) {
	b, other := newBench(t), newBench(t)
	for _, dead := range []*sqlite.DeadLetters{b.deadLetters(t), other.deadLetters(t)} {
		dispatch(t, dead, ergon.NewTransaction("a", recordOf(transaction("a"), "boom")))
	}
	here, there := letters(t, b.deadLetters(t))[0], letters(t, other.deadLetters(t))[0]
	if here.Key != there.Key || here.Origin == there.Origin || here.Origin == "" {
		t.Errorf("got keys %s and %s of origins %q and %q, want one key and two origins", here.Key, there.Key, here.Origin, there.Origin)
	}
}

// [S2] Equal ids are no reason to replace a letter: only the same item of the same arrival is.
func TestLettersOfOneIDAreKeptBesideEachOther(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t, func(s *sqlite.QueueSettings) { s.Dedup = false }), b.deadLetters(t)
	dispatch(t, queue, saying("a", "one"), saying("a", "one"), saying("a", "two")) // at one moment
	batch := wantFetched(t, queue, "a", "a", "a")
	for range 2 { // the second time is that of a delivery whose settlement was lost
		for _, tx := range batch {
			dispatch(t, dead, ergon.NewTransaction(tx.ID(), recordOf(tx, "boom")).WithDelivery(tx.Delivery()))
		}
		if got := letters(t, dead); len(got) != 3 {
			t.Fatalf("got %d letters, want one for each of the three", len(got))
		}
	}
	ack(t, queue, batch...)
	retry(t, dead, 3)
	wantContents(t, queue, "a one", "a one", "a two")
	again := fetch(t, queue, 3)
	deadLetter(t, queue, dead, "boom", again...)
	if got := letters(t, dead); len(got) != 3 {
		t.Errorf("got %d letters, want three", len(got))
	}
}

// [S2] Of a transaction from elsewhere all that is known has to be the same.
func TestLetterFromElsewhereIsReplacedByTheSameOnly(t *testing.T) {
	b := newBench(t)
	dead := b.deadLetters(t)
	write := func(want int, tx ergon.Transaction, task string) {
		t.Helper()
		record := recordOf(tx, "boom")
		record.Task = task
		dispatch(t, dead, ergon.NewTransaction(tx.ID(), record))
		if got := letters(t, dead); len(got) != want {
			t.Fatalf("got %d letters, want %d", len(got), want)
		}
	}
	at := func(d time.Duration) ergon.Delivery { return ergon.Delivery{EnqueuedAt: b.at.Add(d)} }
	write(1, saying("a.csv:2", "one"), "x")
	write(1, saying("a.csv:2", "one"), "x")
	write(2, saying("a.csv:2", "two"), "x")
	write(3, saying("a.csv:2", "one").WithArrival("1-x"), "x")
	write(4, saying("a.csv:2", "one").WithDelivery(at(0)), "x")
	write(5, saying("a.csv:2", "one").WithDelivery(at(time.Second)), "x")
	write(6, saying("a.csv:2", "one"), "y")
	write(7, saying("a.csv:3", "one"), "x")
	write(7, saying("a.csv:2", "one").WithDelivery(at(time.Second)), "x")
}

// [I3] What is settled and replayed is another generation, and the queue knows it as before.
func TestReplayIsAnotherGenerationAndArrival(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, func(s *sqlite.QueueSettings) { s.RetainSettled = time.Hour })
	dispatch(t, queue, saying("a", "one").WithMetadata("k", "v").WithOrderingKey("o"))
	arrivals := map[string]bool{"": true}
	for generation := 1; generation <= 2; generation++ {
		ack(t, queue, wantFetched(t, queue, "a")...)
		if n, err := queue.ReplayTransactions(t.Context(), capability.ReplayFilter{}); n != 1 || err != nil {
			t.Fatalf("replayed %d, %v", n, err)
		}
		wantTold(t, told(t, queue, saying("a", "one").WithMetadata("k", "v").WithOrderingKey("o"), saying("a", "two")),
			"a duplicate", "a conflict")
		shown, err := queue.PeekTransactions(t.Context(), capability.StateReady, 10)
		if err != nil || len(shown) != 1 {
			t.Fatalf("got %v, %v, want one", shown, err)
		}
		tx := shown[0]
		if k, _ := tx.Metadata("k"); tx.Generation() != generation || arrivals[tx.Arrival()] || k != "v" || tx.OrderingKey() != "o" {
			t.Errorf("got generation %d, arrival %q, k %q, want generation %d and another arrival", tx.Generation(), tx.Arrival(), k, generation)
		}
		arrivals[tx.Arrival()] = true
	}
	wantFetched(t, queue, "a")
}

// [I3] Letters that were written before letters named their item.
func TestOlderLetterIsNotRetriedBesideItsTransaction(t *testing.T) {
	b := newBench(t)
	queue, dead := b.queue(t), b.deadLetters(t)
	dispatch(t, queue, transactions("a")...)
	tx := wantFetched(t, queue, "a")[0]
	dispatch(t, dead, ergon.NewTransaction("a", recordOf(tx, "boom")))
	if err := sqlite.Exec(queue, "UPDATE dead_letters SET item = NULL, digest = NULL"); err != nil {
		t.Fatal(err)
	}
	retry(t, dead, 1)
	wantContents(t, queue, `a "a"`)
	if got := letters(t, dead); len(got) != 0 {
		t.Errorf("got %d letters, want none", len(got))
	}
}

// [I3] A transaction that failed, was retried and succeeded was done once: a replay does it once more, not twice.
func TestReplayLeavesOutWhatArrivedAgain(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, func(s *sqlite.QueueSettings) { s.RetainSettled = time.Hour })
	dead := b.deadLetters(t)
	large := strings.Repeat("x", 2000)
	for _, text := range []string{"small", large} {
		buried(t, queue, dead, saying(text[:1], text))
	}
	if edited, err := dead.EditDeadLetter(t.Context(), letters(t, dead)[0].Key, []byte("edited")); !edited || err != nil {
		t.Fatalf("got %v, %v", edited, err)
	}
	retry(t, dead, 1)
	ack(t, queue, fetch(t, queue, 2)...)
	wantTold(t, told(t, queue, saying("s", "small"), saying("x", large)), "s duplicate", "x duplicate")
	if n, err := queue.ReplayTransactions(t.Context(), capability.ReplayFilter{}); n != 2 || err != nil {
		t.Fatalf("replayed %d, %v, want each once", n, err)
	}
	if got := fetch(t, queue, 10); len(got) != 2 {
		t.Errorf("got %q, want each once", idsOf(got))
	}
}
