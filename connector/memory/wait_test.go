package memory_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

func TestRequeuedTransactionIsHeldBackForExactlyItsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newQueue(3)
		batch := wantFetched(t, queue, "t0", "t1", "t2")
		settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Delay: 2 * time.Second}, batch[0])
		settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Delay: time.Second}, batch[1])
		settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Delay: time.Second, Interrupted: true}, batch[2])
		time.Sleep(time.Second - time.Nanosecond)
		wantFetched(t, queue)
		time.Sleep(time.Nanosecond)
		again := wantFetched(t, queue, "t1", "t2")
		if got := again[1].Delivery().Count; got != 1 {
			t.Errorf("interrupted: got delivery count %d, want 1", got)
		}
		time.Sleep(time.Second - time.Nanosecond)
		wantFetched(t, queue)
		time.Sleep(time.Nanosecond)
		wantFetched(t, queue, "t0")
	})
}

func TestFetchFromAnEmptyQueueReturnsAtOnceByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		wantFetched(t, newQueue(0))
		took(t, start, 0)
	})
}

func TestFetchWaitsForTheFirstTransactionOnly(t *testing.T) {
	const maxWait = time.Minute
	for name, c := range map[string]struct {
		arrives time.Duration // 0: never
		want    []string
		takes   time.Duration
	}{
		"nothing comes":              {want: nil, takes: maxWait},
		"it comes just in time":      {arrives: maxWait - time.Nanosecond, want: []string{"t0"}, takes: maxWait - time.Nanosecond},
		"it comes just too late":     {arrives: maxWait + time.Nanosecond, want: nil, takes: maxWait},
		"it comes soon, and no more": {arrives: time.Second, want: []string{"t0"}, takes: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				queue := memory.New(memory.Settings{MaxWait: maxWait})
				if c.arrives > 0 {
					after(c.arrives, func() { dispatch(t, queue, transactions(1)...) })
				}
				start := time.Now()
				wantFetched(t, queue, c.want...)
				took(t, start, c.takes)
				time.Sleep(time.Second) // let a late dispatch end
			})
		})
	}
}

func TestWaitingFetchReturnsWhatFallsDue(t *testing.T) {
	for name, giveBack := range map[string]func(t *testing.T, queue *memory.LeasedQueue, tx ergon.Transaction){
		"a requeued transaction": func(t *testing.T, queue *memory.LeasedQueue, tx ergon.Transaction) {
			t.Helper()
			settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Delay: 3 * time.Second}, tx)
		},
		"a lease run out": func(t *testing.T, _ *memory.LeasedQueue, _ ergon.Transaction) { t.Helper() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				queue := memory.NewLeased(memory.Settings{MaxWait: time.Hour, Transactions: transactions(1)}, 3*time.Second)
				start := time.Now()
				giveBack(t, queue, wantFetched(t, queue, "t0")[0])
				wantFetched(t, queue, "t0")
				took(t, start, 3*time.Second)
			})
		})
	}
}

// The fetch began to wait when the next thing due was later than what comes by the second delivery's lease.
func TestWaitingFetchSeesALeaseThatBeganWhileItWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.NewLeased(memory.Settings{MaxWait: time.Hour, Transactions: transactions(1)}, time.Second)
		start := time.Now()
		settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Delay: time.Minute}, wantFetched(t, queue, "t0")...)
		after(10*time.Second, func() {
			if _, err := queue.FetchTransactionByID(t.Context(), "t0"); err != nil {
				t.Error(err)
			}
		})
		wantFetched(t, queue, "t0")
		took(t, start, 11*time.Second)
	})
}

func TestWaitingFetchSeesADelayThatBeganWhileItWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.New(memory.Settings{MaxWait: time.Hour, Transactions: transactions(1)})
		batch := wantFetched(t, queue, "t0")
		start := time.Now()
		after(time.Second, func() {
			settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Delay: time.Minute}, batch...)
		})
		wantFetched(t, queue, "t0")
		took(t, start, time.Minute+time.Second)
	})
}

func TestWaitingFetchOfAFiniteQueueEndsWithTheLastSettlement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.New(memory.Settings{MaxWait: time.Hour, Finite: true, Transactions: transactions(1)})
		batch := wantFetched(t, queue, "t0")
		start := time.Now()
		after(time.Second, func() { ack(t, queue, batch...) })
		if _, err := queue.FetchTransactions(t.Context(), 1); !errors.Is(err, ergon.ErrExhausted) {
			t.Errorf("got %v, want ErrExhausted", err)
		}
		took(t, start, time.Second)
	})
}

func TestEndOfTheContextEndsAWait(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context, queue *memory.Queue) error{
		"fetch": func(ctx context.Context, queue *memory.Queue) error {
			_, err := queue.FetchTransactions(ctx, 1)
			return err
		},
		"dispatch": func(ctx context.Context, queue *memory.Queue) error {
			return queue.DispatchTransactions(ctx, transactions(1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				queue := memory.New(memory.Settings{MaxWait: time.Hour, Capacity: 1, Transactions: transactions(1)})
				fetch(t, queue, 1)
				cause := errors.New("enough")
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
				defer cancel()
				start := time.Now()
				if err := wait(ctx, queue); !errors.Is(err, cause) {
					t.Errorf("got %v, want the cause of the context's end", err)
				}
				took(t, start, time.Second)
			})
		})
	}
}

func TestDispatchWaitsForRoomForItsWholeBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.New(memory.Settings{Capacity: 3, Transactions: transactions(2)})
		batch := wantFetched(t, queue, "t0", "t1")
		start := time.Now()
		after(time.Second, func() { settle(t, queue, capability.Settlement{Action: policy.SettleRequeue}, batch[0]) }) // makes no room
		after(2*time.Second, func() { ack(t, queue, batch[1]) })
		dispatch(t, queue, ergon.NewTransaction("a", nil), ergon.NewTransaction("b", nil))
		took(t, start, 2*time.Second)
		wantFetched(t, queue, "t0", "a", "b")
	})
}

func TestBatchThatCanNeverFitFailsAtOnce(t *testing.T) {
	queue := memory.New(memory.Settings{Capacity: 2})
	if err := queue.DispatchTransactions(t.Context(), transactions(3)); err == nil {
		t.Error("got no error for 3 transactions into a capacity of 2")
	}
	wantFetched(t, queue)
}
