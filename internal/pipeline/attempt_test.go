package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

var errScripted = errors.New("scripted failure")

// failing is a Process that writes down each call and returns what err makes of its number, from 1.
func failing(j *journal, err func(n int) error) func(context.Context, ergon.Transaction) (any, error) {
	n := 0
	return func(context.Context, ergon.Transaction) (any, error) {
		n++
		j.note("process")
		return nil, err(n)
	}
}

func always(err error) func(int) error { return func(int) error { return err } }

// [R1]
func TestAttemptsAreCountedInTotalAndSpacedByTheCappedBackoff(t *testing.T) {
	all := []string{"0s process", "100ms process", "400ms process", "900ms process", "1.4s process"}
	for attempts := 1; attempts <= len(all); attempts++ {
		t.Run(fmt.Sprint(attempts), func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newRig(ergon.Task{Process: failing(j, func(n int) error { return fmt.Errorf("attempt %d: %w", n, errScripted) })}, "a")
				r.Policy.Loop.Execution = execution
				r.Policy.Process.Retry = policy.Retry{
					MaxAttempts: attempts, Timeout: time.Second,
					Backoff: 100 * time.Millisecond, BackoffMultiplier: 3, BackoffCap: 500 * time.Millisecond,
				}
				r.run(t)
				j.want(t, all[:attempts]...)
				got := r.resultOf(t, "a")
				failed, ok := errors.AsType[*ergon.TransactionError](got.Err)
				if !ok {
					t.Fatalf("got error %v, want a TransactionError", got.Err)
				}
				if failed.Attempts != attempts || failed.Err.Error() != fmt.Sprintf("attempt %d: scripted failure", attempts) {
					t.Errorf("got %d attempts, the last with %q", failed.Attempts, failed.Err)
				}
				switch {
				case attempts == 1 && failed.First != nil:
					t.Errorf("got first error %q of one attempt, want none", failed.First)
				case attempts > 1 && (failed.First == nil || failed.First.Error() != "attempt 1: scripted failure"):
					t.Errorf("got first error %v, want that of attempt 1", failed.First)
				}
				if retries := r.consumer.Snapshot().Retries; retries != int64(attempts-1) {
					t.Errorf("got %d retries in the snapshot, want %d", retries, attempts-1)
				}
			})
		})
	}
}

// [R1]
func TestAttemptThatSucceedsIsTheLast(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: failing(j, func(n int) error {
			if n < 3 {
				return errScripted
			}
			return nil
		})}, "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Process = retrying(5, time.Second, 0)
		r.run(t)
		j.want(t, "0s process", "0s process", "0s process")
		if got := r.resultOf(t, "a"); got.Outcome != pipeline.Succeeded || got.Err != nil {
			t.Errorf("got %v, %v, want a success that does not know of the failures before it", got.Outcome, got.Err)
		}
	})
}

// [R1]
func TestErrorMayCarryItsOwnDelay(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string // of the second attempt
	}{
		{"longer than the cap", ergon.RetryAfter(errScripted, 7*time.Second), "7s process"},
		{"none at all", ergon.RetryAfter(errScripted, 0), "0s process"},
		{"a negative one is none", ergon.RetryAfter(errScripted, -time.Second), "0s process"},
		{"one nanosecond", ergon.RetryAfter(errScripted, 1), "1ns process"},
		{"wrapped", fmt.Errorf("calling: %w", ergon.RetryAfter(errScripted, 2*time.Second)), "2s process"},
		{"wrapped in a failure of RunFn", &ergon.TransactionError{Err: ergon.RetryAfter(errScripted, 2*time.Second)}, "2s process"},
		{
			"joined with others",
			errors.Join(&ergon.TransactionError{Err: errScripted}, ergon.RetryAfter(errScripted, 2*time.Second)), "2s process",
		},
		{"of a type of the user's own", throttled{after: 3 * time.Second, own: true}, "3s process"},
		{"of a type of the user's own that does not know", throttled{after: 3 * time.Second}, "1s process"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newRig(ergon.Task{Process: failing(j, func(n int) error {
					if n == 1 {
						return test.err
					}
					return nil
				})}, "a")
				r.Policy.Loop.Execution = execution
				r.Policy.Process = retrying(3, time.Second, time.Second)
				r.Policy.Process.Retry.BackoffCap = 5 * time.Second
				r.Policy.Process.Retry.Jitter = 1 // of the policy's delay only
				if test.want == "1s process" {
					r.Policy.Process.Retry.Jitter = 0
				}
				r.run(t)
				j.want(t, "0s process", test.want)
			})
		})
	}
}

type throttled struct {
	after time.Duration
	own   bool
}

func (e throttled) Error() string                     { return "throttled" }
func (e throttled) RetryDelay() (time.Duration, bool) { return e.after, e.own }

// [R1] An error's own delay stands in for one backoff and leaves the others as they are.
func TestDelayAfterAttemptIsAFunctionOfItsNumberOnly(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: failing(j, func(n int) error {
			if n == 2 {
				return ergon.RetryAfter(errScripted, 10*time.Second)
			}
			return errScripted
		})}, "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Process = retrying(4, time.Second, time.Second)
		r.Policy.Process.Retry.BackoffMultiplier = 2
		r.run(t)
		j.want(t, "0s process", "1s process", "11s process", "15s process")
	})
}

// [R1]
func TestJitterOnlyShortensTheDelay(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		const (
			backoff = time.Second
			jitter  = 0.25
			n       = 200
		)
		var delays []time.Duration
		var failedAt time.Time
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			if failedAt.IsZero() {
				failedAt = time.Now()
				return nil, errScripted
			}
			delays, failedAt = append(delays, time.Since(failedAt)), time.Time{}
			return nil, nil
		}}, numbered(n)...)
		r.Policy.Loop.Execution = execution
		r.Policy.Process = retrying(2, time.Second, backoff)
		r.Policy.Process.Retry.Jitter = jitter
		r.run(t)
		shortest, longest := delays[0], delays[0]
		for _, d := range delays {
			shortest, longest = min(shortest, d), max(longest, d)
		}
		const least = time.Duration((1 - jitter) * float64(backoff))
		if len(delays) != n || shortest < least || longest > backoff {
			t.Errorf("got %d delays from %v to %v, want %d from %v to %v", len(delays), shortest, longest, n, least, backoff)
		}
		if spread := longest - shortest; spread < (backoff-least)/2 {
			t.Errorf("got delays within %v, want them spread over %v", spread, backoff-least)
		}
	})
}

// [R1]
func TestBackoffNeverHoldsUpShutdown(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: failing(j, always(errScripted))}, "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.TransactionTimeout = 0
		r.Policy.Process = retrying(3, time.Second, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r.start(ctx, t)
		time.AfterFunc(time.Minute, cancel)
		if err := r.wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want the cause of the end", err)
		}
		j.note("ended")
		j.want(t, "0s process", "1m0s ended")
		if got := r.resultOf(t, "a").Outcome; got != pipeline.Interrupted {
			t.Errorf("got outcome %v, want interrupted", got)
		}
	})
}
