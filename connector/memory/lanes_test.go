package memory_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

func keyed(key string, ids ...string) []ergon.Transaction {
	var batch []ergon.Transaction
	for _, id := range ids {
		batch = append(batch, ergon.NewTransaction(id, nil).WithOrderingKey(key))
	}
	return batch
}

func keyedQueue(settings memory.Settings) *memory.Queue {
	settings.Transactions = append(append(keyed("k", "k1", "k2", "k3"), keyed("l", "l1")...), ergon.NewTransaction("free", nil))
	return memory.New(settings)
}

// [L8] Whoever fetches, one of a key is out, and the next in the order of dispatch only once that is settled for good.
func TestOneOfAKeyIsOutAtATime(t *testing.T) {
	q := keyedQueue(memory.Settings{})
	first := wantFetched(t, q, "k1", "l1", "free")
	wantFetched(t, q)
	if n, _ := q.CountTransactions(t.Context()); n != 2 {
		t.Errorf("%d wait, want 2", n)
	}
	ack(t, q, first[0])
	second := wantFetched(t, q, "k2")
	settle(t, q, capability.Settlement{Action: policy.SettleReject}, second...)
	third := wantFetched(t, q, "k3")
	ack(t, q, third...)
	dispatch(t, q, keyed("k", "k4")...)
	wantFetched(t, q, "k4")
}

// [L8] A requeue holds up its key, with a delay or without, counted or not; so does a lease that was lost.
func TestARequeueHoldsUpItsKey(t *testing.T) {
	for name, how := range map[string]capability.Settlement{
		"as failed":   {Action: policy.SettleRequeue},
		"interrupted": {Action: policy.SettleRequeue, Interrupted: true},
	} {
		t.Run(name, func(t *testing.T) {
			q := keyedQueue(memory.Settings{})
			settle(t, q, how, fetch(t, q, 9)...)
			again := fetch(t, q, 9)
			if len(again) != 3 {
				t.Fatalf("got %d, want k1, l1 and free again", len(again))
			}
			ack(t, q, again...)
			wantFetched(t, q, "k2")
		})
	}
	synctest.Test(t, func(t *testing.T) {
		q := memory.NewLeased(memory.Settings{Transactions: keyed("k", "k1", "k2")}, time.Minute)
		settle(t, q.Queue, capability.Settlement{Action: policy.SettleRequeue, Delay: time.Second}, wantFetched(t, q, "k1")...)
		time.Sleep(time.Second - 1)
		wantFetched(t, q)
		time.Sleep(time.Nanosecond)
		wantFetched(t, q, "k1")
		time.Sleep(time.Minute)
		ack(t, q.Queue, wantFetched(t, q, "k1")...)
		wantFetched(t, q, "k2")
	})
}

// A transaction that is asked for by its id is out of line, and comes back to its place.
func TestByIDComesBackToItsPlace(t *testing.T) {
	q := keyedQueue(memory.Settings{})
	first := wantFetched(t, q, "k1", "l1", "free")
	byID, err := q.FetchTransactionByID(t.Context(), "k2")
	if err != nil {
		t.Fatal(err)
	}
	settle(t, q, capability.Settlement{Action: policy.SettleRequeue, Interrupted: true}, byID)
	ack(t, q, first...)
	ack(t, q, wantFetched(t, q, "k2")...)
	wantFetched(t, q, "k3")
}

// [L8, K1] It may be told to keep no order, and declares that.
func TestQueueMayKeepNoOrder(t *testing.T) {
	q := keyedQueue(memory.Settings{Order: capability.OrderNone})
	wantFetched(t, q, "k1", "k2", "k3", "l1", "free")
	if got, err := capability.DeclarationOf(q); err != nil || got.Order != capability.OrderNone {
		t.Errorf("declares %+v, want no order (%v)", got, err)
	}
}

// [R1] A delay of any length means what it says, up to the longest there is.
func TestLongestDelayIsNoShortOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memory.New(memory.Settings{Transactions: transactions(2)})
		settle(t, q, capability.Settlement{Action: policy.SettleRequeue, Delay: math.MaxInt64}, wantFetched(t, q, "t0", "t1")...)
		wantFetched(t, q)
		time.Sleep(100 * 365 * 24 * time.Hour)
		wantFetched(t, q)
	})
}
