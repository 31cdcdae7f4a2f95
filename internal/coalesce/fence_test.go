package coalesce_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/policy"
)

// [T1] What waits to be joined when its attempt is given up is never sent; its neighbour is.
func TestWaitingDispatchOfAGivenUpAttemptIsNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(dispatcher(func(_ context.Context, batch []ergon.Transaction) error {
			sleep(10 * time.Second)
			j.note(idsOf(batch))
			return nil
		}), policy.ProducerBatch{Size: 100, Interval: time.Hour})
		first := after(o, 0, "first")
		var heard error
		go func() {
			second := policy.Retry{MaxAttempts: 1, Timeout: time.Second, BackoffMultiplier: 1}
			_, _ = ergon.RunFn(context.Background(), second, func(ctx context.Context) (int, error) {
				sleep(time.Millisecond)
				heard = o.DispatchTransactions(context.WithoutCancel(ctx), transactionsOf("late"))
				return 0, nil
			})
		}()
		neighbour := after(o, 2*time.Millisecond, "neighbour")
		sleep(time.Minute)
		synctest.Wait()
		if err := errors.Join(<-first, <-neighbour); err != nil {
			t.Error(err)
		}
		if heard == nil {
			t.Error("it was told that it is durable")
		}
		j.want(t, "10s first", "20s neighbour")
		if !o.Idle() {
			t.Error("something is under way still")
		}
	})
}
