package memory_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

// told dispatches and returns what was reported, as "id result".
func told(t *testing.T, to ergon.Dispatcher, batch ...ergon.Transaction) []string {
	t.Helper()
	var heard []string
	ctx := capability.WithDispatchReport(t.Context(), func(tx ergon.Transaction, r capability.DispatchResult) {
		heard = append(heard, tx.ID()+" "+string(r))
	})
	if err := to.DispatchTransactions(ctx, batch); err != nil {
		t.Fatalf("dispatching: %v", err)
	}
	return heard
}

func wantTold(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("reported %q, want %q", got, want)
	}
}

func derived(id, text string) ergon.Transaction {
	return ergon.NewTransaction("", text).WithDerivedID(id)
}

// deduplicating is a queue that remembers for a minute.
func deduplicating(first ...ergon.Transaction) *memory.Queue {
	return memory.New(memory.Settings{Transactions: first, Name: "jobs", Dedup: true, DedupWindow: time.Minute})
}

// [I2] Waiting, in flight and settled alike, until the window is over.
func TestDeduplicatingQueueTellsWhatItKnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := deduplicating(ergon.NewTransaction("a", "one"), ergon.NewTransaction("a", "two"))
		again := func() {
			t.Helper()
			wantTold(t, told(t, q, ergon.NewTransaction("a", []byte("one")).WithMetadata("traceparent", "x"), ergon.NewTransaction("a", "two")),
				"a duplicate", "a conflict")
		}
		again()
		batch, err := q.FetchTransactions(t.Context(), 10)
		if err != nil || len(batch) != 1 {
			t.Fatalf("got %d, %v, want one", len(batch), err)
		}
		again()
		if err := q.SettleTransactions(t.Context(), []capability.Settlement{{Transaction: batch[0], Action: policy.SettleAck}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - time.Nanosecond)
		again()
		time.Sleep(time.Nanosecond)
		wantTold(t, told(t, q, ergon.NewTransaction("a", "two")))
	})
}

// [I2] What is derived is stored beside what it came out as before.
func TestDeduplicatingQueueKeepsWhatDiverged(t *testing.T) {
	q := deduplicating()
	wantTold(t, told(t, q, derived("in/0", "A")))
	wantTold(t, told(t, q, derived("in/0", "B"), derived("in/1", "A"), derived("in/0", "A")), "in/0 diverged", "in/0 duplicate")
	wantTold(t, told(t, q, derived("in/0", "B")), "in/0 duplicate")
	batch, err := q.FetchTransactions(t.Context(), 10)
	if err != nil || len(batch) != 3 {
		t.Fatalf("got %d, %v, want three", len(batch), err)
	}
	want := derived("in/0", "").AlternateID(capability.ContentDigestOf([]byte("B"), nil))
	if batch[1].ID() != want || batch[1].Payload() != "B" {
		t.Errorf("got %s, %v, want %s, B", batch[1].ID(), batch[1].Payload(), want)
	}
}

// [I3]
func TestDeduplicatingQueueTakesALaterArrival(t *testing.T) {
	q := deduplicating(ergon.NewTransaction("a", "one"))
	edited := capability.Edited(ergon.NewTransaction("a", "one"), "two", capability.ContentDigestOf([]byte("one"), nil)).WithArrival("1-x")
	wantTold(t, told(t, q, edited, edited, ergon.NewTransaction("a", "one").WithArrival("1-x"), ergon.NewTransaction("a", "two")),
		"a duplicate", "a conflict", "a duplicate")
	if n, _ := q.CountTransactions(t.Context()); n != 2 {
		t.Errorf("it holds %d, want both arrivals", n)
	}
	only := deduplicating(edited)
	wantTold(t, told(t, only, ergon.NewTransaction("a", "one"), ergon.NewTransaction("a", "three")), "a duplicate", "a conflict")
}

// [I2] A conflict may be an error of its item, or be let stand in each case.
func TestConflictIsWhatTheSettingsSay(t *testing.T) {
	strict := memory.New(memory.Settings{Dedup: true, OnConflict: capability.ConflictError})
	err := strict.DispatchTransactions(context.Background(), []ergon.Transaction{
		ergon.NewTransaction("a", 1), ergon.NewTransaction("a", 2), derived("a", "3"), ergon.NewTransaction("b", 1),
	})
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 1 || !errors.Is(failed.Failures[1], capability.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict for the second", err)
	}
	if !(&ergon.TransactionError{Err: failed.Failures[1]}).IsPermanent() {
		t.Error("it would be tried again")
	}
	if n, _ := strict.CountTransactions(t.Context()); n != 3 {
		t.Errorf("it holds %d, want three", n)
	}
	first := memory.New(memory.Settings{Dedup: true, OnConflict: capability.ConflictFirst})
	wantTold(t, told(t, first, derived("a", "1"), derived("a", "2")), "a conflict")
}

// What cannot be compared is like no other.
func TestPayloadWithoutAContentIsNoDuplicate(t *testing.T) {
	q := deduplicating(ergon.NewTransaction("a", func() {}))
	wantTold(t, told(t, q, ergon.NewTransaction("a", func() {}), ergon.NewTransaction("b", func() {})), "a conflict")
}

// [I4] Off means off.
func TestQueueWithoutDeduplicationReportsNothing(t *testing.T) {
	q := memory.New(memory.Settings{})
	wantTold(t, told(t, q, ergon.NewTransaction("a", 1), ergon.NewTransaction("a", 2), derived("a", "3")))
	if n, _ := q.CountTransactions(t.Context()); n != 3 {
		t.Errorf("it holds %d, want three", n)
	}
}

func TestQueueDeclaresWhetherItDeduplicates(t *testing.T) {
	want := capability.Declaration{
		Destination: "jobs", Sharing: capability.SharingCompeting, Order: capability.OrderKey, Dedup: capability.DedupReported,
		Settles: capability.SettlesConfirmed, Fences: capability.FenceStore,
	}
	if got, err := capability.DeclarationOf(deduplicating()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got, err := capability.DeclarationOf(memory.NewLeased(memory.Settings{}, time.Second))
	if err != nil || got.Dedup != capability.DedupNone {
		t.Errorf("got %+v, want no deduplication (%v)", got, err)
	}
}
