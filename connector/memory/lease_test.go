package memory_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
)

const lease = 30 * time.Second

func newLeased(n int) *memory.LeasedQueue {
	return memory.NewLeased(memory.Settings{Transactions: transactions(n)}, lease)
}

func TestDeliveryMayBeSettledUntilItsLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newLeased(2)
		batch := wantFetched(t, queue, "t0", "t1")
		time.Sleep(lease - time.Nanosecond)
		wantFetched(t, queue)
		ack(t, queue, batch[0])
		time.Sleep(time.Nanosecond)
		err := queue.SettleTransactions(t.Context(), settlementsOf(batch[1:], capability.Settlement{}))
		if !errors.Is(err, capability.ErrStaleDelivery) {
			t.Errorf("got %v, want ErrStaleDelivery", err)
		}
		again := wantFetched(t, queue, "t1")
		if got := again[0].Delivery().Count; got != 2 {
			t.Errorf("got delivery count %d, want 2", got)
		}
		ack(t, queue, again...)
	})
}

func TestWhatOutlivesItsLeaseTakesItsOldPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newLeased(3)
		fetch(t, queue, 2)
		time.Sleep(lease)
		wantFetched(t, queue, "t0", "t1", "t2")
	})
}

func TestExtensionLastsForAWholeLeaseFromNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newLeased(2)
		batch := wantFetched(t, queue, "t0", "t1")
		time.Sleep(lease - time.Nanosecond)
		if err := queue.ExtendLeases(t.Context(), batch[:1]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Nanosecond)
		wantFetched(t, queue, "t1")
		time.Sleep(lease - 2*time.Nanosecond)
		if got := queue.InFlight(); got != 2 {
			t.Fatalf("got %d in flight, want t0 by its extension and t1 by its second delivery", got)
		}
		time.Sleep(time.Nanosecond)
		wantFetched(t, queue, "t0")
	})
}

func TestExtensionNamesTheLostLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newLeased(2)
		lost := fetch(t, queue, 1)
		time.Sleep(lease)
		wantFetched(t, queue, "t0", "t1")
		kept := fetch(t, newLeased(1), 1)
		err := queue.ExtendLeases(t.Context(), []ergon.Transaction{lost[0], kept[0]})
		failed, ok := errors.AsType[*ergon.BatchError](err)
		if !ok || len(failed.Failures) != 2 {
			t.Fatalf("got %v, want a BatchError for both", err)
		}
		if !errors.Is(failed.Failures[0], capability.ErrStaleDelivery) || errors.Is(failed.Failures[1], capability.ErrStaleDelivery) {
			t.Errorf("got %v, want ErrStaleDelivery for the lease run out only", failed.Failures)
		}
	})
}

func TestLeaseRunOutIsLostAlthoughNobodyFetchedSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newLeased(1)
		lost := fetch(t, queue, 1)
		time.Sleep(lease)
		if err := queue.ExtendLeases(t.Context(), lost); !errors.Is(err, capability.ErrStaleDelivery) {
			t.Errorf("extend: got %v, want ErrStaleDelivery", err)
		}
		if _, err := queue.FetchTransactionByID(t.Context(), "t0"); err != nil {
			t.Errorf("resolve: got %v, want it delivered again", err)
		}
		time.Sleep(lease)
		if _, err := queue.FetchTransactionByID(t.Context(), "t0"); err != nil {
			t.Errorf("resolve once more: got %v, want it delivered again", err)
		}
		time.Sleep(lease)
		if got, _ := queue.CountTransactions(t.Context()); got != 1 {
			t.Errorf("got %d waiting, want 1", got)
		}
	})
}

func TestLeaseOfNothingHasRunOutAtOnce(t *testing.T) {
	queue := memory.NewLeased(memory.Settings{Transactions: transactions(1)}, -time.Second)
	if got := queue.LeaseDuration(); got != 0 {
		t.Errorf("got a lease of %v, want 0", got)
	}
	batch := wantFetched(t, queue, "t0")
	err := queue.SettleTransactions(t.Context(), settlementsOf(batch, capability.Settlement{}))
	if !errors.Is(err, capability.ErrStaleDelivery) {
		t.Errorf("got %v, want ErrStaleDelivery", err)
	}
}
