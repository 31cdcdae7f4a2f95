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

func closeQueue(t *testing.T, queue ergon.Closer) {
	t.Helper()
	if err := queue.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func openQueue(t *testing.T, queue ergon.Opener) {
	t.Helper()
	if err := queue.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestClosedQueueRefusesEveryOperation(t *testing.T) {
	queue := memory.NewLeased(memory.Settings{Transactions: transactions(2)}, time.Hour)
	delivered := fetch(t, queue, 1)
	closeQueue(t, queue)
	_, fetchErr := queue.FetchTransactions(t.Context(), 1)
	_, resolveErr := queue.FetchTransactionByID(t.Context(), "t1")
	for name, err := range map[string]error{
		"fetch": fetchErr, "resolve": resolveErr,
		"dispatch": queue.DispatchTransactions(t.Context(), transactions(1)),
		"settle":   queue.SettleTransactions(t.Context(), settlementsOf(delivered, capability.Settlement{})),
		"extend":   queue.ExtendLeases(t.Context(), delivered),
	} {
		if !errors.Is(err, memory.ErrClosed) {
			t.Errorf("%s: got %v, want ErrClosed", name, err)
		}
	}
}

func TestClosingGivesBackWhatIsInFlight(t *testing.T) {
	queue := newQueue(3)
	delivered := fetch(t, queue, 2)
	closeQueue(t, queue)
	if got, _ := queue.CountTransactions(t.Context()); got != 3 {
		t.Errorf("closed: got %d waiting, want all 3", got)
	}
	openQueue(t, queue)
	err := queue.SettleTransactions(t.Context(), settlementsOf(delivered[:1], capability.Settlement{}))
	if !errors.Is(err, capability.ErrStaleDelivery) {
		t.Errorf("settling what was given back: got %v, want ErrStaleDelivery", err)
	}
	again := wantFetched(t, queue, "t0", "t1", "t2")
	if got := again[0].Delivery().Count; got != 2 {
		t.Errorf("got delivery count %d, want 2", got)
	}
}

func TestSharedQueueStaysOpenUntilItsLastUserClosesIt(t *testing.T) {
	queue := newQueue(2)
	openQueue(t, queue)
	openQueue(t, queue)
	delivered := fetch(t, queue, 1)
	closeQueue(t, queue)
	ack(t, queue, delivered...)
	closeQueue(t, queue)
	if _, err := queue.FetchTransactions(t.Context(), 1); !errors.Is(err, memory.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestClosingEndsWaitingCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.New(memory.Settings{MaxWait: time.Hour, Capacity: 1, Transactions: transactions(1)})
		fetch(t, queue, 1)
		start := time.Now()
		after(time.Second, func() { closeQueue(t, queue) })
		dispatched := make(chan error, 1)
		go func() { dispatched <- queue.DispatchTransactions(t.Context(), transactions(1)) }()
		if _, err := queue.FetchTransactions(t.Context(), 1); !errors.Is(err, memory.ErrClosed) {
			t.Errorf("fetch: got %v, want ErrClosed", err)
		}
		if err := <-dispatched; !errors.Is(err, memory.ErrClosed) {
			t.Errorf("dispatch: got %v, want ErrClosed", err)
		}
		took(t, start, time.Second)
	})
}
