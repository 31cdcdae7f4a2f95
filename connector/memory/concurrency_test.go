package memory_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

const (
	dispatchers   = 4
	perDispatcher = 2000
	fetchers      = 4
)

// Every transaction is acknowledged exactly once, although one delivery in five is requeued before.
func TestConcurrentUseLosesNothingAndSettlesNothingTwice(t *testing.T) {
	settings := memory.Settings{
		Transactions: []ergon.Transaction{ergon.NewTransaction("guard", nil)},
		MaxWait:      time.Hour, Capacity: 500, Finite: true, Record: true,
	}
	for name, queue := range map[string]*memory.Queue{
		"without leases": memory.New(settings),
		"with leases":    memory.NewLeased(settings, time.Hour).Queue,
	} {
		t.Run(name, func(t *testing.T) {
			guard := wantFetched(t, queue, "guard") // in flight until all are dispatched, so that no fetcher ends before
			var working, dispatching sync.WaitGroup
			for range fetchers {
				working.Go(func() { work(t, queue) })
			}
			for d := range dispatchers {
				dispatching.Go(func() { dispatchAll(t, queue, d) })
			}
			dispatching.Wait()
			ack(t, queue, guard...)
			working.Wait()
			wantEachAckedOnce(t, queue)
		})
	}
}

func dispatchAll(t *testing.T, queue *memory.Queue, dispatcher int) {
	t.Helper()
	for i := 0; i < perDispatcher; i += 20 {
		batch := make([]ergon.Transaction, 20)
		for j := range batch {
			batch[j] = ergon.NewTransaction(strconv.Itoa(dispatcher)+"-"+strconv.Itoa(i+j), nil)
		}
		if err := queue.DispatchTransactions(t.Context(), batch); err != nil {
			t.Error(err)
			return
		}
	}
}

func work(t *testing.T, queue *memory.Queue) {
	t.Helper()
	for {
		batch, err := queue.FetchTransactions(t.Context(), 7)
		if err != nil {
			if !errors.Is(err, ergon.ErrExhausted) {
				t.Error(err)
			}
			return
		}
		settlements := settlementsOf(batch, capability.Settlement{})
		for i := range settlements {
			if i%5 == 4 && batch[i].Delivery().Count < 3 {
				settlements[i].Action = policy.SettleRequeue
				settlements[i].Delay = time.Duration(i%2) * time.Microsecond
			}
		}
		if err := queue.SettleTransactions(t.Context(), settlements); err != nil {
			t.Error(err)
			return
		}
	}
}

func wantEachAckedOnce(t *testing.T, queue *memory.Queue) {
	t.Helper()
	acks := map[string]int{}
	for _, s := range queue.Settlements() {
		if s.Action == policy.SettleAck {
			acks[s.Transaction.ID()]++
		}
	}
	if want := dispatchers*perDispatcher + 1; len(acks) != want {
		t.Errorf("got %d transactions acknowledged, want %d", len(acks), want)
	}
	for id, n := range acks {
		if n != 1 {
			t.Errorf("%s: acknowledged %d times, want once", id, n)
		}
	}
}
