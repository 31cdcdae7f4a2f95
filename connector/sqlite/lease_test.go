package sqlite_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// wantStale wants each of batch to be refused as stale, by settling and by extending.
func wantStale(tb testing.TB, queue interface {
	capability.Settler
	capability.LeaseKeeper
}, batch ...ergon.Transaction,
) {
	tb.Helper()
	for what, err := range map[string]error{
		"settle": queue.SettleTransactions(tb.Context(), settlements(capability.Settlement{}, batch...)),
		"extend": queue.ExtendLeases(tb.Context(), batch),
	} {
		failed, ok := errors.AsType[*ergon.BatchError](err)
		if !ok || len(failed.Failures) != len(batch) {
			tb.Fatalf("%s: got %v, want a BatchError for %d", what, err, len(batch))
		}
		for _, failure := range failed.Failures {
			if !errors.Is(failure, capability.ErrStaleDelivery) {
				tb.Errorf("%s: got %v, want ErrStaleDelivery", what, failure)
			}
		}
	}
}

// [S3]
func TestDeliveryMayBeSettledUntilItsLeaseRunsOut(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("a", "b")...)
	batch := wantFetched(t, queue, "a", "b")
	b.advance(lease - time.Microsecond)
	wantFetched(t, queue)
	ack(t, queue, batch[0])
	b.advance(time.Microsecond)
	wantStale(t, queue, batch[1]) // although nobody has fetched it since
	again := wantFetched(t, queue, "b")
	if got := again[0].Delivery().Count; got != 2 {
		t.Errorf("got delivery count %d, want 2", got)
	}
	wantStale(t, queue, batch[1])
	ack(t, queue, again...)
	wantStale(t, queue, again...)
}

func TestStaleSettlementDoesNotStopTheOthers(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("a", "b", "c")...)
	batch := fetch(t, queue, 3)
	ack(t, queue, batch[1])
	err := queue.SettleTransactions(t.Context(), settlements(capability.Settlement{}, batch...))
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 1 || !errors.Is(failed.Failures[1], capability.ErrStaleDelivery) {
		t.Fatalf("got %v, want ErrStaleDelivery for the second", err)
	}
	wantError(t, err, "sqlite queue jobs: transaction b: stale delivery")
	b.advance(lease)
	wantFetched(t, queue)
}

// [S5]
func TestExtensionLastsForAWholeLeaseFromNow(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("a", "b")...)
	batch := wantFetched(t, queue, "a", "b")
	b.advance(lease - time.Microsecond)
	if err := queue.ExtendLeases(t.Context(), batch[:1]); err != nil {
		t.Fatal(err)
	}
	b.advance(time.Microsecond)
	wantFetched(t, queue, "b")
	b.advance(lease - 2*time.Microsecond)
	wantFetched(t, queue)
	b.advance(time.Microsecond)
	wantFetched(t, queue, "a")
	if got := queue.LeaseDuration(); got != lease {
		t.Errorf("got a lease of %v, want %v", got, lease)
	}
}

func TestWhatOutlivesItsLeaseTakesItsOldPlace(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("a", "b", "c")...)
	fetch(t, queue, 2)
	b.advance(lease)
	wantFetched(t, queue, "a", "b", "c")
}

// [S3]
func TestInterruptedDeliveryDoesNotCountAndKeepsItsPlace(t *testing.T) {
	queue := newBench(t).queue(t)
	dispatch(t, queue, transactions("a", "b")...)
	settle(t, queue, interrupted, fetch(t, queue, 1)...)
	batch := wantFetched(t, queue, "a", "b")
	if got := batch[0].Delivery().Count; got != 1 {
		t.Errorf("got delivery count %d, want 1", got)
	}
}

func TestWhatIsRequeuedAsFailedGoesToTheEnd(t *testing.T) {
	queue := newBench(t).queue(t)
	dispatch(t, queue, transactions("a", "b")...)
	settle(t, queue, requeued, fetch(t, queue, 1)...)
	dispatch(t, queue, transactions("c")...)
	batch := wantFetched(t, queue, "b", "a", "c")
	if got := batch[1].Delivery().Count; got != 2 {
		t.Errorf("got delivery count %d, want 2", got)
	}
}

func TestWhatIsRequeuedWithADelayComesBackAfterItAndFirst(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("a", "b")...)
	settle(t, queue, later(5*time.Second), fetch(t, queue, 1)...)
	b.advance(5*time.Second - time.Microsecond)
	ack(t, queue, wantFetched(t, queue, "b")...)
	dispatch(t, queue, transactions("c")...)
	b.advance(time.Microsecond)
	wantFetched(t, queue, "a", "c")
}

func TestDelayOfLessThanAMicrosecondIsADelay(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("a")...)
	settle(t, queue, later(time.Nanosecond), fetch(t, queue, 1)...)
	wantFetched(t, queue)
	b.advance(time.Microsecond)
	wantFetched(t, queue, "a")
}

func TestReceiptOfAnEarlierLifeFitsNothing(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("a")...)
	first := fetch(t, queue, 1)
	ack(t, queue, first...)
	b.advance(time.Hour) // the id is forgotten
	dispatch(t, queue, transactions("a")...)
	wantFetched(t, queue, "a")
	wantStale(t, queue, first...)
}

func TestReceiptIsGoodAtAnotherValueForTheSameQueue(t *testing.T) {
	b := newBench(t)
	one, other := b.queue(t), b.queue(t)
	dispatch(t, one, transactions("a")...)
	ack(t, other, wantFetched(t, one, "a")...)
	b.advance(lease)
	wantFetched(t, one)
}

func TestForeignTransactionIsRefused(t *testing.T) {
	queue := newBench(t).queue(t)
	err := queue.ExtendLeases(t.Context(), transactions("a"))
	wantError(t, err, "transaction a: the transaction did not come from this queue")
	err = queue.SettleTransactions(t.Context(), settlements(capability.Settlement{Action: policy.SettleAck}, transactions("a")...))
	wantError(t, err, "transaction a: the transaction did not come from this queue")
	if errors.Is(err, capability.ErrStaleDelivery) {
		t.Error("it is stale, too")
	}
}
