package memory_test

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

// transactions makes n transactions with the ids t0, t1 and so on.
func transactions(n int) []ergon.Transaction {
	made := make([]ergon.Transaction, n)
	for i := range made {
		made[i] = ergon.NewTransaction("t"+strconv.Itoa(i), i)
	}
	return made
}

func newQueue(n int) *memory.Queue { return memory.New(memory.Settings{Transactions: transactions(n)}) }

func fetch(tb testing.TB, from ergon.Fetcher, limit int) []ergon.Transaction {
	tb.Helper()
	batch, err := from.FetchTransactions(tb.Context(), limit)
	if err != nil {
		tb.Fatalf("fetching %d: %v", limit, err)
	}
	return batch
}

// wantFetched fetches with room to spare and wants exactly these ids, in order.
func wantFetched(tb testing.TB, from ergon.Fetcher, want ...string) []ergon.Transaction {
	tb.Helper()
	batch := fetch(tb, from, 100)
	wantIDs(tb, batch, want...)
	return batch
}

func wantIDs(tb testing.TB, batch []ergon.Transaction, want ...string) {
	tb.Helper()
	got := make([]string, len(batch))
	for i, tx := range batch {
		got[i] = tx.ID()
	}
	if !slices.Equal(got, want) {
		tb.Fatalf("got transactions %q, want %q", got, want)
	}
}

func settlementsOf(batch []ergon.Transaction, like capability.Settlement) []capability.Settlement {
	made := make([]capability.Settlement, len(batch))
	for i, tx := range batch {
		made[i] = like
		made[i].Transaction = tx
	}
	return made
}

func settle(tb testing.TB, at capability.Settler, like capability.Settlement, batch ...ergon.Transaction) {
	tb.Helper()
	if err := at.SettleTransactions(tb.Context(), settlementsOf(batch, like)); err != nil {
		tb.Fatalf("settling: %v", err)
	}
}

func ack(tb testing.TB, at capability.Settler, batch ...ergon.Transaction) {
	tb.Helper()
	settle(tb, at, capability.Settlement{Action: policy.SettleAck}, batch...)
}

func dispatch(tb testing.TB, to ergon.Dispatcher, batch ...ergon.Transaction) {
	tb.Helper()
	if err := to.DispatchTransactions(tb.Context(), batch); err != nil {
		tb.Fatalf("dispatching: %v", err)
	}
}

// after runs f in d, in a bubble of virtual time.
func after(d time.Duration, f func()) { time.AfterFunc(d, f) }

// took wants what passes between to and its call to take exactly d.
func took(tb testing.TB, since time.Time, want time.Duration) {
	tb.Helper()
	if got := time.Since(since); got != want {
		tb.Fatalf("took %v, want %v", got, want)
	}
}

func canceled(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	cancel()
	return ctx
}
