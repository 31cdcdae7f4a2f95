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

// [T1] The fence is the identity of the attempt, not the end of a context: an attempt that was given up sends nothing with a context that
// never ends. One that is not given up may.
func TestGivenUpAttemptSendsNothingWithAContextThatNeverEnds(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration // when it dispatches; its attempt has a second
		sent  bool
	}{"in time": {time.Second - 1, true}, "given up": {time.Second + 1, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent []ergon.Transaction
				o := coalesce.New(dispatcher(func(_ context.Context, batch []ergon.Transaction) error {
					sent = append(sent, batch...)
					return nil
				}), policy.ProducerBatch{Size: 1})
				heard := make(chan error, 1)
				second := policy.Retry{MaxAttempts: 1, Timeout: time.Second, BackoffMultiplier: 1}
				_, _ = ergon.RunFn(context.Background(), second, func(ctx context.Context) (int, error) {
					sleep(c.after)
					heard <- o.DispatchTransactions(context.WithoutCancel(ctx), transactionsOf("a"))
					return 0, nil
				})
				if err := <-heard; (len(sent) == 1) != c.sent || (err == nil) != c.sent {
					t.Errorf("%d were sent, and it heard %v; want that one is sent: %t", len(sent), err, c.sent)
				}
			})
		})
	}
}
