package bench

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// Goroutines is the usual way by hand: a pool whose workers make each attempt on a goroutine of its own and wait for it or
// for its context, whichever comes first.
func Goroutines() Contestant {
	return Contestant{
		Name: "goroutine + WithTimeout + select", Attempts: policy.DefaultRetry().MaxAttempts, Deadline: DeadlineHard,
		Run: func(ctx context.Context, items int, work Work) (int, error) {
			retry := policy.DefaultRetry()
			return pool(ctx, items, func(ctx context.Context) error {
				if err := retried(ctx, retry, work.Process); err != nil || work.Success == nil {
					return err
				}
				return retried(ctx, retry, work.Success)
			}), nil
		},
	}
}

func retried(ctx context.Context, retry policy.Retry, call Call) error {
	err := within(ctx, retry.Timeout, call)
	for n := 1; err != nil && n < retry.MaxAttempts; n++ {
		time.Sleep(retry.Jittered(retry.Delay(n), rand.Float64()))
		err = within(ctx, retry.Timeout, call)
	}
	return err
}

// within makes one attempt that is given up at its deadline.
func within(ctx context.Context, timeout time.Duration, call Call) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
