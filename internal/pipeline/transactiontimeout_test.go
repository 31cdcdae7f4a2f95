package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// takes is a handler that ignores its context for as long as it takes.
func takes(d time.Duration, err error) func(context.Context) error {
	return func(context.Context) error {
		sleep(d)
		return err
	}
}

// [T3] The transaction's timeout is 10s. A handler that would take longer is given up, whatever its own timeout is.
func TestTransactionTimeoutBoundsProcessAndSuccessWithTheirBackoffs(t *testing.T) {
	const second = time.Second
	fails := func(after time.Duration) func(context.Context) error { return takes(after, errScripted) }
	for _, test := range []struct {
		name             string
		process, success func(context.Context) error
		backoff          time.Duration
		want             []string
		failed           policy.Phase // "" for none
		attempts         int
	}{
		{
			"success is in time", takes(4*second, nil), takes(6*second-1, nil), 0,
			[]string{"0s process", "4s success", "9.999999999s succeeded a"},
			"", 0,
		},
		{
			"success is late", takes(4*second, nil), takes(6*second, nil), 0,
			[]string{"0s process", "4s success", "10s exception", "10s dead_lettered a"},
			policy.PhaseSuccess, 1,
		},
		{
			"process leaves a nanosecond, which is enough", takes(10*second-1, nil), takes(0, nil), 0,
			[]string{"0s process", "9.999999999s success", "9.999999999s succeeded a"},
			"", 0,
		},
		{
			"process leaves a nanosecond, which is not enough", takes(10*second-1, nil), takes(1, nil), 0,
			[]string{"0s process", "9.999999999s success", "10s exception", "10s dead_lettered a"},
			policy.PhaseSuccess, 1,
		},
		{
			"process is late", takes(10*second, nil), takes(0, nil), 0,
			[]string{"0s process", "10s exception", "10s dead_lettered a"},
			policy.PhaseProcess, 1,
		},
		{
			"the last attempt is late", fails(3 * second), nil, 1500 * time.Millisecond,
			[]string{"0s process", "4.5s process", "9s process", "10s exception", "10s dead_lettered a"},
			policy.PhaseProcess, 3,
		},
		{
			"a backoff that ends a nanosecond before", fails(4 * second), nil, 6*second - 1,
			[]string{"0s process", "9.999999999s process", "10s exception", "10s dead_lettered a"},
			policy.PhaseProcess, 2,
		},
		{
			"no room for the backoff", fails(4 * second), nil, 6 * second,
			[]string{"0s process", "4s exception", "4s dead_lettered a"},
			policy.PhaseProcess, 1,
		},
		{
			"no room for the backoff of success", takes(4*second, nil), fails(second), 5 * second,
			[]string{"0s process", "4s success", "5s exception", "5s dead_lettered a"},
			policy.PhaseSuccess, 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				s := &scripted{journal: newJournal(), process: test.process, success: test.success, exception: succeeds}
				r := newRig(s.task(), "a")
				r.noting(s.journal)
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.TransactionTimeout = 10 * time.Second
				r.Policy.Loop.Concurrency.Headroom = 2
				r.Policy.Process, r.Policy.Success = retrying(5, 10*second, test.backoff), retrying(5, time.Hour, test.backoff)
				r.run(t)
				s.want(t, test.want...)
				sleep(time.Minute) // what was given up returns
				if got := r.settlementsOf("a"); len(got) != 1 {
					t.Errorf("got settlements %v, want one", got)
				}
				if test.failed != "" {
					wantOutOfTime(t, s.cause, test.failed, test.attempts)
				}
			})
		})
	}
}

func wantOutOfTime(t *testing.T, got *ergon.TransactionError, phase policy.Phase, attempts int) {
	t.Helper()
	if got.Category != ergon.CategoryTimeout || got.Phase != phase || got.Attempts != attempts {
		t.Errorf("got %v in %v after %d attempts, want TIMEOUT in %v after %d", got.Category, got.Phase, got.Attempts, phase, attempts)
	}
	if !errors.Is(got, ergon.ErrTransactionTimeout) || errors.Is(got, ergon.ErrAttemptTimeout) || !errors.Is(got, context.DeadlineExceeded) {
		t.Errorf("got %v, want the transaction's timeout only", got)
	}
}

// [T3] The exception phase begins when the time is over, and has all of its own.
func TestExceptionPhaseHasItsOwnBudget(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		n := 0
		s := &scripted{
			journal: newJournal(), success: succeeds,
			process: func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			},
			exception: func(ctx context.Context) error {
				if deadline, _ := ctx.Deadline(); time.Until(deadline) != time.Minute {
					t.Errorf("the handler has %v, want a minute", time.Until(deadline))
				}
				n++
				if n < 3 {
					<-ctx.Done()
					if cause := context.Cause(ctx); cause != ergon.ErrAttemptTimeout { //nolint:errorlint // it itself
						t.Errorf("got cause %v, want ErrAttemptTimeout", cause)
					}
				}
				return nil
			},
		}
		r := newRig(s.task(), "a")
		r.noting(s.journal)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.TransactionTimeout = 10 * time.Second
		r.Policy.Process, r.Policy.Exception = once(10*time.Second), retrying(3, time.Minute, time.Hour)
		r.run(t)
		s.want(t, "0s process", "10s exception", "1h1m10s exception", "2h2m10s exception", "2h2m10s dead_lettered a")
		wantOutOfTime(t, s.cause, policy.PhaseProcess, 1)
		if got := r.settlementsOf("a"); len(got) != 1 {
			t.Errorf("got settlements %v, want one", got)
		}
	})
}

// [T3] The clock starts with the first attempt: what waits for a slot loses nothing, and 0 is no bound.
func TestTransactionTimeoutIsCountedFromTheFirstAttempt(t *testing.T) {
	for _, timeout := range []time.Duration{10 * time.Second, 0} {
		t.Run(timeout.String(), func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				r := newRig(ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
					sleep(10*time.Second - 1)
					if deadline, _ := ctx.Deadline(); time.Until(deadline) != 1 {
						t.Errorf("%v are left of the attempt, want 1ns", time.Until(deadline))
					}
					return nil, nil
				}}, "a", "b", "c")
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.TransactionTimeout = timeout
				r.Policy.Loop.Batch.Prefetch = 2
				r.Policy.Process = once(10 * time.Second)
				r.run(t)
				if got := r.consumer.Snapshot().Outcomes[pipeline.Succeeded]; got != 3 {
					t.Errorf("%d succeeded, want 3", got)
				}
			})
		})
	}
}

// [T3] Without a bound of the transaction nothing but its phases' own policies ends it.
func TestTransactionWithoutATimeoutRunsAllOfItsAttempts(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: failing(j, always(errScripted))}, "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.TransactionTimeout = 0
		r.Policy.Loop.Concurrency.Waiting = 1 // so that the source is not polled all the time
		r.Policy.Process = retrying(3, time.Second, 1000*time.Hour)
		r.run(t)
		j.want(t, "0s process", "1000h0m0s process", "2000h0m0s process")
	})
}
