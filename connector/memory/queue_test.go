package memory_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

func TestFiniteQueueIsExhaustedOnceEverythingIsSettledForGood(t *testing.T) {
	queue := memory.New(memory.Settings{Transactions: transactions(3), Finite: true})
	batch := fetch(t, queue, 2)
	wantIDs(t, batch, "t0", "t1")
	batch = append(batch, wantFetched(t, queue, "t2")...)
	wantFetched(t, queue) // in flight: they may come back
	ack(t, queue, batch[0])
	settle(t, queue, capability.Settlement{Action: policy.SettleReject}, batch[1])
	settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Delay: time.Hour}, batch[2])
	wantFetched(t, queue) // delayed: it will come back
	last, err := queue.FetchTransactionByID(t.Context(), "t2")
	if err != nil {
		t.Fatal(err)
	}
	ack(t, queue, last)
	if _, err := queue.FetchTransactions(t.Context(), 2); !errors.Is(err, ergon.ErrExhausted) {
		t.Fatalf("fetch after all were settled: got %v, want ErrExhausted", err)
	}
	dispatch(t, queue, ergon.NewTransaction("late", nil))
	wantFetched(t, queue, "late")
}

func TestQueueThatIsNotFiniteIsEmptyAndNeverExhausted(t *testing.T) {
	wantFetched(t, newQueue(0))
}

func TestTransactionsAreDeliveredInTheOrderOfDispatch(t *testing.T) {
	queue := newQueue(2)
	dispatch(t, queue, ergon.NewTransaction("a", nil), ergon.NewTransaction("b", nil))
	dispatch(t, queue, ergon.NewTransaction("c", nil))
	wantIDs(t, fetch(t, queue, 3), "t0", "t1", "a")
	wantFetched(t, queue, "b", "c")
}

func TestIDThatIsInTheQueueAlreadyIsKeptTwice(t *testing.T) {
	queue := newQueue(1)
	dispatch(t, queue, transactions(1)...)
	both := wantFetched(t, queue, "t0", "t0")
	ack(t, queue, both[0])
	ack(t, queue, both[1])
}

func TestDeliveryTellsItsCountAndWhenTheTransactionCame(t *testing.T) {
	from := time.Now()
	queue := newQueue(1)
	to := time.Now()
	for count := 1; count <= 3; count++ {
		tx := wantFetched(t, queue, "t0")[0]
		if got := tx.Delivery().Count; got != count {
			t.Errorf("got delivery count %d, want %d", got, count)
		}
		if at := tx.Delivery().EnqueuedAt; at.Before(from) || at.After(to) {
			t.Errorf("got enqueued at %v, want from %v to %v", at, from, to)
		}
		settle(t, queue, capability.Settlement{Action: policy.SettleRequeue}, tx)
	}
}

func TestInterruptedDeliveryIsNotCounted(t *testing.T) {
	queue := newQueue(1)
	for range 3 {
		tx := wantFetched(t, queue, "t0")[0]
		if got := tx.Delivery().Count; got != 1 {
			t.Errorf("got delivery count %d, want 1", got)
		}
		settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Interrupted: true}, tx)
	}
}

func TestInterruptedTransactionsTakeTheirOldPlacesAndFailedOnesTheLast(t *testing.T) {
	queue := newQueue(6)
	batch := fetch(t, queue, 5)
	settle(t, queue, capability.Settlement{Action: policy.SettleRequeue}, batch[0])
	settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Interrupted: true}, batch[3], batch[1])
	settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Interrupted: true}, batch[2])
	wantFetched(t, queue, "t1", "t2", "t3", "t5", "t0")
}

func TestRejectedTransactionIsKeptAside(t *testing.T) {
	queue := newQueue(2)
	batch := wantFetched(t, queue, "t0", "t1")
	settle(t, queue, capability.Settlement{Action: policy.SettleReject}, batch[1])
	wantIDs(t, queue.Rejected(), "t1")
	if got := queue.Rejected()[0].Payload(); got != 1 {
		t.Errorf("got payload %v, want 1", got)
	}
	wantFetched(t, queue)
}

func TestEachItemOfABatchIsSettledByItself(t *testing.T) {
	queue, other := newQueue(4), newQueue(1)
	batch := wantFetched(t, queue, "t0", "t1", "t2", "t3")
	ack(t, queue, batch[1])
	settlements := settlementsOf(batch, capability.Settlement{Action: policy.SettleAck})
	settlements[2].Transaction = wantFetched(t, other, "t0")[0]
	settlements[3].Action = 99
	err := queue.SettleTransactions(t.Context(), settlements)
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 3 || failed.Failures[0] != nil {
		t.Fatalf("got %v, want a BatchError for items 1 to 3", err)
	}
	if !errors.Is(failed.Failures[1], capability.ErrStaleDelivery) {
		t.Errorf("settled before: got %v, want ErrStaleDelivery", failed.Failures[1])
	}
	if errors.Is(failed.Failures[2], capability.ErrStaleDelivery) {
		t.Errorf("from another queue: got %v, want another error than ErrStaleDelivery", failed.Failures[2])
	}
	if got := queue.InFlight(); got != 2 {
		t.Errorf("got %d in flight, want t2 and t3", got)
	}
	ack(t, queue, batch[2], batch[3])
}

// Items are used again, so a late settlement must not hit another transaction that has taken the item over.
func TestLateSettlementNeverHitsAnotherDelivery(t *testing.T) {
	queue := newQueue(1)
	first := wantFetched(t, queue, "t0")[0]
	ack(t, queue, first)
	for _, id := range []string{"next", "another"} {
		dispatch(t, queue, ergon.NewTransaction(id, nil))
		delivered := wantFetched(t, queue, id)[0]
		if got := delivered.Delivery().Count; got != 1 {
			t.Errorf("got delivery count %d, want 1", got)
		}
		err := queue.SettleTransactions(t.Context(), []capability.Settlement{{Transaction: first}})
		if !errors.Is(err, capability.ErrStaleDelivery) {
			t.Errorf("got %v, want ErrStaleDelivery", err)
		}
		ack(t, queue, delivered)
	}
}

func TestSettlementsAreRecordedOnlyWhenAskedFor(t *testing.T) {
	for _, record := range []bool{false, true} {
		queue := memory.New(memory.Settings{Transactions: transactions(2), Record: record})
		batch := wantFetched(t, queue, "t0", "t1")
		settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Delay: time.Second}, batch[1])
		ack(t, queue, batch[0])
		_ = queue.SettleTransactions(t.Context(), settlementsOf(batch, capability.Settlement{})) // stale: no effect, no record
		got := queue.Settlements()
		if !record {
			if len(got) != 0 {
				t.Errorf("not recording: got %d settlements, want none", len(got))
			}
			continue
		}
		if len(got) != 2 || got[0].Transaction.ID() != "t1" || got[0].Delay != time.Second || got[1].Action != policy.SettleAck {
			t.Errorf("recording: got %v, want t1 requeued and t0 acknowledged", got)
		}
	}
}

func TestCountIsWhatWaitsOrIsDelayed(t *testing.T) {
	queue := newQueue(5)
	batch := fetch(t, queue, 3)
	ack(t, queue, batch[0])
	settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Delay: time.Hour}, batch[1])
	if got, err := queue.CountTransactions(t.Context()); got != 3 || err != nil {
		t.Errorf("got %d, %v, want t1, t3 and t4", got, err)
	}
}

func TestOperationsHeedAnEndedContextAndTakeNothing(t *testing.T) {
	queue := memory.NewLeased(memory.Settings{Transactions: transactions(2)}, time.Hour)
	delivered := fetch(t, queue, 1)
	_, fetchErr := queue.FetchTransactions(canceled(t), 1)
	_, resolveErr := queue.FetchTransactionByID(canceled(t), "t1")
	for name, err := range map[string]error{
		"fetch": fetchErr, "resolve": resolveErr,
		"dispatch": queue.DispatchTransactions(canceled(t), transactions(1)),
		"settle":   queue.SettleTransactions(canceled(t), settlementsOf(delivered, capability.Settlement{})),
		"extend":   queue.ExtendLeases(canceled(t), delivered),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", name, err)
		}
	}
	ack(t, queue, delivered...)
	wantFetched(t, queue, "t1")
}

func TestFetchOfNothingIsRefused(t *testing.T) {
	for name, source := range map[string]ergon.Fetcher{"queue": newQueue(1), "generator": memory.NewGenerator(1, nil)} {
		if _, err := source.FetchTransactions(t.Context(), 0); err == nil {
			t.Errorf("%s: fetch with limit 0: got no error", name)
		}
	}
}

func TestEmptiedQueueLetsGoOfItsMemory(t *testing.T) {
	const many = 200_000
	batch := transactions(many)
	queue := newQueue(0)
	before := heapInUse()
	dispatch(t, queue, batch...)
	if grown := heapInUse() - before; grown < many*100 {
		t.Fatalf("got a heap grown by %d bytes, want the queue to be seen in it", grown)
	}
	for range many / 1000 {
		ack(t, queue, fetch(t, queue, 1000)...)
	}
	if kept := heapInUse() - before; kept > 4<<20 {
		t.Errorf("got %d bytes kept by an empty queue, want at most 4 MiB", kept)
	}
	runtime.KeepAlive(batch)
	runtime.KeepAlive(queue)
}

func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestFetchAndAckAllocateOncePerTransaction(t *testing.T) {
	const size = 1000
	queue, batch := newQueue(0), transactions(size)
	settlements := make([]capability.Settlement, size)
	got := testing.AllocsPerRun(20, func() {
		dispatch(t, queue, batch...)
		for i, tx := range fetch(t, queue, size) {
			settlements[i] = capability.Settlement{Transaction: tx}
		}
		if err := queue.SettleTransactions(t.Context(), settlements); err != nil {
			t.Error(err)
		}
	})
	if limit := size * 1.01; got > limit {
		t.Errorf("got %.0f allocations for %d transactions, want at most %.0f", got, size, limit)
	}
}
