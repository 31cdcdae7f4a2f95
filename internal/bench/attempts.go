package bench

import (
	"context"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// Attempts are the ways to bound one call, by one worker. The first two are the engine's whole lifecycle with one call and
// with two; what the second call adds is what an attempt costs that is bounded by a watchdog.
func Attempts() []Entry {
	one := NewEngine(Sync, Concurrency(1)).Contestant("ergon, one attempt")
	two := one
	two.Name = "ergon, two attempts"
	single := Work{Process: noop}
	return append(
		[]Entry{{Contestant: one, Work: single}, {Contestant: two, Work: Noop()}},
		Entries([]Contestant{
			inline("context.WithTimeout, inline", DeadlineSoft, withTimeout),
			inline("goroutine + WithTimeout + select", DeadlineHard, func(ctx context.Context, call Call) error {
				return within(ctx, policy.DefaultRetry().Timeout, call)
			}),
			inline("ergon.RunFn", DeadlineHard, runFn),
		}, single)...)
}

// AttemptRows turns the rows of [Attempts] into one for each way. The watchdog's comes last: a difference is too uncertain
// to be what others are compared with.
func AttemptRows(rows []Row) []Row {
	return append(slices.Clone(rows[2:]), rows[1].Minus(rows[0], "ergon: inline, watchdog"))
}

func inline(name string, deadline Deadline, attempt func(context.Context, Call) error) Contestant {
	return Contestant{
		Name: name, Attempts: 1, Deadline: deadline,
		Run: func(ctx context.Context, items int, work Work) (succeeded int, err error) {
			for range items {
				if attempt(ctx, work.Process) == nil {
					succeeded++
				}
			}
			return succeeded, nil
		},
	}
}

func withTimeout(ctx context.Context, call Call) error {
	ctx, cancel := context.WithTimeout(ctx, policy.DefaultRetry().Timeout)
	defer cancel()
	return call(ctx)
}

func runFn(ctx context.Context, call Call) error {
	retry := policy.DefaultRetry()
	retry.MaxAttempts = 1
	_, err := ergon.RunFn(ctx, retry, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}
