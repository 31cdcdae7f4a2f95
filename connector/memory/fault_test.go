package memory_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
)

var errScripted = errors.New("broken pipe")

func wantAllStruck(t *testing.T, queue *memory.FaultyQueue) {
	t.Helper()
	for _, f := range queue.UnusedFaults() {
		t.Errorf("never struck: %v", f)
	}
}

func TestFailedOperationHasNoEffect(t *testing.T) {
	queue := memory.WithLeaseFaults(memory.NewLeased(memory.Settings{Transactions: transactions(1)}, time.Hour),
		memory.Fail(memory.OnFetch, errScripted),
		memory.Fail(memory.OnDispatch, errScripted),
		memory.Fail(memory.OnSettle, nil),
		memory.Fail(memory.OnExtend, errScripted))
	if _, err := queue.FetchTransactions(t.Context(), 1); !errors.Is(err, errScripted) {
		t.Errorf("fetch: got %v, want %v", err, errScripted)
	}
	if err := queue.DispatchTransactions(t.Context(), transactions(1)); !errors.Is(err, errScripted) {
		t.Errorf("dispatch: got %v, want %v", err, errScripted)
	}
	batch := wantFetched(t, queue, "t0")
	if got := batch[0].Delivery().Count; got != 1 {
		t.Errorf("got delivery count %d, want 1", got)
	}
	if err := queue.ExtendLeases(t.Context(), batch); !errors.Is(err, errScripted) {
		t.Errorf("extend: got %v, want %v", err, errScripted)
	}
	err := queue.SettleTransactions(t.Context(), settlementsOf(batch, capability.Settlement{}))
	if !errors.Is(err, memory.ErrFault) {
		t.Errorf("settle: got %v, want %v", err, memory.ErrFault)
	}
	ack(t, queue, batch...)
	wantAllStruck(t, queue.FaultyQueue)
}

func TestFaultStrikesFromItsCallOnAsOftenAsItSays(t *testing.T) {
	queue := memory.WithFaults(newQueue(1), memory.Fail(memory.OnFetch, errScripted).At(2).Times(2))
	for call, want := range []error{nil, errScripted, errScripted, nil} {
		if _, err := queue.FetchTransactions(t.Context(), 1); !errors.Is(err, want) {
			t.Errorf("call %d: got %v, want %v", call+1, err, want)
		}
	}
}

func TestFaultThatAlwaysStrikesDoes(t *testing.T) {
	queue := memory.WithFaults(newQueue(1), memory.Fail(memory.OnFetch, errScripted).Always())
	for range 100 {
		if _, err := queue.FetchTransactions(t.Context(), 1); !errors.Is(err, errScripted) {
			t.Fatalf("got %v, want %v", err, errScripted)
		}
	}
}

func TestFaultThatNeverStruckIsTold(t *testing.T) {
	queue := memory.WithFaults(newQueue(1),
		memory.Reorder(1).For("t9").At(2), memory.Fail(memory.OnDispatch, nil), memory.DropDelivery(memory.OnDispatch))
	_ = queue.DispatchTransactions(t.Context(), nil)
	got := queue.UnusedFaults()
	if len(got) != 2 || got[0].String() != `reorder on fetch from call 2 for ["t9"]` ||
		got[1].String() != "drop delivery on dispatch from call 1" {
		t.Errorf("got %v, want the reorder and the drop", got)
	}
}

func TestFailureOfChosenTransactionsSparesTheOthers(t *testing.T) {
	queue := memory.WithLeaseFaults(memory.NewLeased(memory.Settings{}, time.Hour),
		memory.Fail(memory.OnDispatch, errScripted).For("t1"),
		memory.Fail(memory.OnExtend, errScripted).For("t2"),
		memory.Fail(memory.OnSettle, errScripted).For("t0", "t2"))
	wantFailures(t, queue.DispatchTransactions(t.Context(), transactions(4)), 1)
	batch := wantFetched(t, queue, "t0", "t2", "t3")
	wantFailures(t, queue.ExtendLeases(t.Context(), batch), 1)
	ack(t, queue, batch[2]) // not chosen: the fault is not used up
	settlements := settlementsOf(batch, capability.Settlement{})
	err := queue.SettleTransactions(t.Context(), settlements)
	if failed, ok := errors.AsType[*ergon.BatchError](err); !ok || !errors.Is(failed.Failures[2], capability.ErrStaleDelivery) {
		t.Errorf("got %v, want the queue's own refusal of item 2 as well", err)
	}
	ack(t, queue, batch[:2]...)
	wantAllStruck(t, queue.FaultyQueue)
}

// wantFailures wants the scripted error for exactly these items.
func wantFailures(t *testing.T, err error, items ...int) {
	t.Helper()
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != len(items) {
		t.Fatalf("got %v, want a BatchError for items %v", err, items)
	}
	for _, i := range items {
		if !errors.Is(failed.Failures[i], errScripted) {
			t.Errorf("item %d: got %v, want %v", i, failed.Failures[i], errScripted)
		}
	}
}

func TestFetchThatWouldDeliverAChosenTransactionFailsAsAWhole(t *testing.T) {
	queue := memory.WithFaults(newQueue(3), memory.Fail(memory.OnFetch, errScripted).For("t2"))
	wantIDs(t, fetch(t, queue, 1), "t0")
	if _, err := queue.FetchTransactions(t.Context(), 2); !errors.Is(err, errScripted) {
		t.Errorf("got %v, want %v", err, errScripted)
	}
	batch := wantFetched(t, queue, "t1", "t2")
	if got := batch[0].Delivery().Count; got != 1 {
		t.Errorf("got delivery count %d, want 1", got)
	}
}

func TestStalledOperationGoesOnAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.WithFaults(newQueue(1),
			memory.Stall(memory.OnDispatch, time.Second),
			memory.Stall(memory.OnFetch, time.Minute),
			memory.Stall(memory.OnSettle, time.Hour))
		start := time.Now()
		dispatch(t, queue, ergon.NewTransaction("a", nil))
		took(t, start, time.Second)
		batch := wantFetched(t, queue, "t0", "a")
		took(t, start, time.Minute+time.Second)
		ack(t, queue, batch...)
		took(t, start, time.Hour+time.Minute+time.Second)
	})
}

func TestStallEndsWithItsContextAndHasNoEffectThen(t *testing.T) {
	for name, fault := range map[string]memory.Fault{
		"forever":                     memory.Stall(memory.OnFetch, memory.Forever),
		"for the same time":           memory.Stall(memory.OnFetch, time.Second),
		"after it was taken, forever": memory.Stall(memory.OnFetch, memory.Forever).For("t0"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				queue := memory.WithFaults(newQueue(1), fault)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				if _, err := queue.FetchTransactions(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want DeadlineExceeded", err)
				}
				took(t, start, time.Second)
				if got := wantFetched(t, queue, "t0")[0].Delivery().Count; got != 1 {
					t.Errorf("got delivery count %d, want 1", got)
				}
			})
		})
	}
}

func TestStallThatIgnoresItsContextTakesEffectLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.WithFaults(newQueue(1), memory.Stall(memory.OnSettle, time.Minute).IgnoringContext())
		batch := wantFetched(t, queue, "t0")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := queue.SettleTransactions(ctx, settlementsOf(batch, capability.Settlement{})); err != nil {
			t.Errorf("got %v, want no error", err)
		}
		took(t, start, time.Minute)
		if got := queue.InFlight(); got != 0 {
			t.Errorf("got %d in flight, want 0", got)
		}
	})
}

func TestLeaseRunsWhileAFetchOfChosenTransactionsStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.WithLeaseFaults(newLeased(1), memory.Stall(memory.OnFetch, lease).For("t0"))
		batch := wantFetched(t, queue, "t0")
		err := queue.SettleTransactions(t.Context(), settlementsOf(batch, capability.Settlement{}))
		if !errors.Is(err, capability.ErrStaleDelivery) {
			t.Errorf("got %v, want ErrStaleDelivery", err)
		}
		wantFetched(t, queue, "t0")
	})
}

func TestFaultsOfOneCallStrikeInTheOrderOfTheScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.WithFaults(newQueue(1), memory.Stall(memory.OnSettle, time.Second), memory.Fail(memory.OnSettle, errScripted))
		batch := wantFetched(t, queue, "t0")
		start := time.Now()
		err := queue.SettleTransactions(t.Context(), settlementsOf(batch, capability.Settlement{}))
		if !errors.Is(err, errScripted) {
			t.Errorf("got %v, want %v", err, errScripted)
		}
		took(t, start, time.Second)
	})
}

func TestDuplicateIsADeliveryOfItsOwn(t *testing.T) {
	queue := memory.WithFaults(newQueue(3), memory.Duplicate().For("t1"))
	batch := wantFetched(t, queue, "t0", "t1", "t1", "t2")
	if got := batch[2].Delivery().Count; got != 2 {
		t.Errorf("got delivery count %d of the second delivery, want 2", got)
	}
	for _, tx := range batch {
		ack(t, queue, tx)
	}
	wantFetched(t, queue)
}

func TestDuplicatesKeepTheLimitOfAFetch(t *testing.T) {
	queue := memory.WithFaults(newQueue(3), memory.Duplicate())
	batch := fetch(t, queue, 3)
	wantIDs(t, batch, "t0", "t0", "t1")
	ack(t, queue, batch...)
	batch = wantFetched(t, queue, "t1", "t2", "t2")
	for i, want := range []int{2, 1, 2} {
		if got := batch[i].Delivery().Count; got != want {
			t.Errorf("delivery %d: got count %d, want %d: what was not delivered does not count", i, got, want)
		}
	}
	ack(t, queue, batch...)
	wantFetched(t, queue)
}

func TestDuplicatesOfAFetchThatDeliversTooMuchKeepThatMany(t *testing.T) {
	queue := memory.WithFaults(newQueue(4), memory.OverDeliver(2), memory.Duplicate())
	wantIDs(t, fetch(t, queue, 1), "t0", "t0", "t1")
}

func TestReorderingIsRepeatableAndLosesNothing(t *testing.T) {
	orders := map[uint64][]string{}
	for range 2 {
		for seed := range uint64(20) {
			queue := memory.WithFaults(newQueue(5), memory.Reorder(seed))
			var got []string
			for _, tx := range fetch(t, queue, 5) {
				got = append(got, tx.ID())
			}
			if before, ok := orders[seed]; ok && !slices.Equal(got, before) {
				t.Errorf("seed %d: got %q, then %q", seed, before, got)
			}
			orders[seed] = got
			if slices.IsSorted(got) {
				t.Errorf("seed %d: got %q, want another order", seed, got)
			}
			if sorted := slices.Sorted(slices.Values(got)); !slices.Equal(sorted, []string{"t0", "t1", "t2", "t3", "t4"}) {
				t.Errorf("seed %d: got %q, want each of five once", seed, got)
			}
		}
	}
}

func TestReorderingChangesTheOrderOfTwoAlways(t *testing.T) {
	queue := memory.WithFaults(newQueue(20), memory.Reorder(7).Always())
	for range 10 {
		if batch := fetch(t, queue, 2); batch[0].Payload().(int) < batch[1].Payload().(int) {
			t.Errorf("got %s before %s, want them the other way round", batch[0].ID(), batch[1].ID())
		}
	}
}

func TestFetchDeliversMoreThanItsLimitWhenToldTo(t *testing.T) {
	queue := memory.WithFaults(newQueue(9),
		memory.OverDeliver(2), memory.OverDeliver(-1).At(2), memory.OverDeliver(100).At(3))
	wantIDs(t, fetch(t, queue, 3), "t0", "t1", "t2", "t3", "t4")
	wantIDs(t, fetch(t, queue, 1), "t5")
	batch := fetch(t, queue, 1)
	wantIDs(t, batch, "t6", "t7", "t8")
	ack(t, queue, batch...)
	wantAllStruck(t, queue)
}

func TestLostAckIsReportedAsDoneAndDeliveredAgain(t *testing.T) {
	queue := memory.WithFaults(newQueue(2), memory.LoseAck().For("t0"))
	ack(t, queue, wantFetched(t, queue, "t0", "t1")...)
	again := wantFetched(t, queue, "t0")
	if got := again[0].Delivery().Count; got != 2 {
		t.Errorf("got delivery count %d, want 2", got)
	}
	ack(t, queue, again...)
	wantFetched(t, queue)
}

func TestLostReplyIsAFailureThatTookEffect(t *testing.T) {
	queue := memory.WithFaults(newQueue(0),
		memory.LoseReply(memory.OnDispatch, errScripted),
		memory.LoseReply(memory.OnFetch, errScripted),
		memory.LoseReply(memory.OnSettle, errScripted),
		memory.LoseReply(memory.OnSettle, errScripted).At(2).For("t1"))
	if err := queue.DispatchTransactions(t.Context(), transactions(3)); !errors.Is(err, errScripted) {
		t.Errorf("dispatch: got %v, want %v", err, errScripted)
	}
	if _, err := queue.FetchTransactions(t.Context(), 3); !errors.Is(err, errScripted) {
		t.Errorf("fetch: got %v, want %v", err, errScripted)
	}
	batch := wantFetched(t, queue, "t0", "t1", "t2")
	if got := batch[0].Delivery().Count; got != 2 {
		t.Errorf("got delivery count %d, want 2", got)
	}
	err := queue.SettleTransactions(t.Context(), settlementsOf(batch[:1], capability.Settlement{}))
	if !errors.Is(err, errScripted) {
		t.Errorf("settle: got %v, want %v", err, errScripted)
	}
	wantFailures(t, queue.SettleTransactions(t.Context(), settlementsOf(batch[1:], capability.Settlement{})), 0)
	if got := queue.InFlight(); got != 0 {
		t.Errorf("got %d in flight, want 0", got)
	}
	wantAllStruck(t, queue)
}

func TestWaitingFetchGetsADroppedDeliveryAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leased := memory.NewLeased(memory.Settings{Transactions: transactions(1), MaxWait: time.Hour}, time.Hour)
		queue := memory.WithLeaseFaults(leased, memory.DropDelivery(memory.OnExtend))
		batch := wantFetched(t, queue, "t0")
		start := time.Now()
		after(time.Second, func() {
			if err := queue.ExtendLeases(t.Context(), batch); !errors.Is(err, capability.ErrStaleDelivery) {
				t.Errorf("got %v, want ErrStaleDelivery", err)
			}
		})
		wantFetched(t, queue, "t0")
		took(t, start, time.Second)
	})
}

func TestDroppedDeliveryIsStaleAndDeliveredAgain(t *testing.T) {
	queue := memory.WithLeaseFaults(newLeased(2),
		memory.DropDelivery(memory.OnExtend).For("t1"),
		memory.DropDelivery(memory.OnSettle).For("t1"),
		memory.DropDelivery(memory.OnFetch).At(3).For("t1"))
	wantStale := func(err error, item int) {
		t.Helper()
		failed, ok := errors.AsType[*ergon.BatchError](err)
		if !ok || len(failed.Failures) != 1 || !errors.Is(failed.Failures[item], capability.ErrStaleDelivery) {
			t.Errorf("got %v, want ErrStaleDelivery for item %d only", err, item)
		}
	}
	batch := wantFetched(t, queue, "t0", "t1")
	wantStale(queue.ExtendLeases(t.Context(), batch), 1)
	batch[1] = wantFetched(t, queue, "t1")[0]
	wantStale(queue.SettleTransactions(t.Context(), settlementsOf(batch, capability.Settlement{})), 1)
	batch = wantFetched(t, queue, "t1")
	wantStale(queue.SettleTransactions(t.Context(), settlementsOf(batch, capability.Settlement{})), 0)
	ack(t, queue, wantFetched(t, queue, "t1")...)
	wantAllStruck(t, queue.FaultyQueue)
}
