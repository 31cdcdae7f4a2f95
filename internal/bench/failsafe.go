package bench

import (
	"context"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"

	"github.com/ergon-go/ergon/policy"
)

// Failsafe is a pool whose workers make each call through failsafe-go, with a retry policy around a timeout.
func Failsafe() Contestant {
	return Contestant{
		Name: "failsafe-go: retry + timeout", Attempts: policy.DefaultRetry().MaxAttempts, Deadline: DeadlineSoft,
		Run: func(ctx context.Context, items int, work Work) (int, error) {
			retry := policy.DefaultRetry()
			executor := failsafe.With[any](
				retrypolicy.NewBuilder[any]().
					WithMaxAttempts(retry.MaxAttempts).
					WithBackoffFactor(retry.Backoff, retry.BackoffCap, retry.BackoffMultiplier).
					WithJitterFactor(retry.Jitter).
					Build(),
				timeout.New[any](retry.Timeout),
			).WithContext(ctx)
			call := func(call Call) error {
				return executor.RunWithExecution(func(e failsafe.Execution[any]) error { return call(e.Context()) })
			}
			return pool(ctx, items, func(context.Context) error {
				if err := call(work.Process); err != nil || work.Success == nil {
					return err
				}
				return call(work.Success)
			}), nil
		},
	}
}
