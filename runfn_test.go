package ergon_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

var errBoom = errors.New("boom")

// steady is a policy whose times are easy to add up: no jitter.
func steady(attempts int) policy.Retry {
	return policy.Retry{MaxAttempts: attempts, Timeout: 10 * time.Second, Backoff: time.Second, BackoffMultiplier: 2}
}

// attempts returns a function whose nth call does the nth of what is given, and counts its calls.
func attempts(count *atomic.Int32, each ...func(context.Context) (string, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		return each[count.Add(1)-1](ctx)
	}
}

func fails(err error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return "", err }
}

func returns(result string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return result, nil }
}

// takes sleeps without heeding its context.
func takes(d time.Duration, result string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		time.Sleep(d)
		return result, nil
	}
}

func panics(value any) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { panic(value) }
}

func asTransactionError(t *testing.T, err error) *ergon.TransactionError {
	t.Helper()
	failed, ok := err.(*ergon.TransactionError) //nolint:errorlint // it itself is promised
	if !ok {
		t.Fatalf("error is a %T, want a *ergon.TransactionError: %v", err, err)
	}
	return failed
}

func expectElapsed(t *testing.T, start time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(start); got != want {
		t.Errorf("took %s, want %s", got, want)
	}
}

// [R1] [T5]
func TestAttemptsAreCountedInTotalAndBackoffDoublesBetweenThem(t *testing.T) {
	for max, want := range map[int]time.Duration{1: 0, 2: time.Second, 3: 3 * time.Second, 4: 7 * time.Second} {
		t.Run(fmt.Sprint(max), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, calls := time.Now(), 0
				_, err := ergon.RunFn(t.Context(), steady(max), func(context.Context) (string, error) {
					calls++
					return "", fmt.Errorf("call %d: %w", calls, errBoom)
				})
				expectElapsed(t, start, want)
				failed := asTransactionError(t, err)
				if calls != max || failed.Attempts != max {
					t.Errorf("%d calls and Attempts %d, want %d", calls, failed.Attempts, max)
				}
				if got, want := failed.Err.Error(), fmt.Sprintf("call %d: boom", max); got != want {
					t.Errorf("Err is %q, want %q", got, want)
				}
				if max > 1 && (failed.First == nil || failed.First.Error() != "call 1: boom") {
					t.Errorf("First is %v, want that of the first call", failed.First)
				}
				if max == 1 && failed.First != nil {
					t.Errorf("First is %v, want none after a single attempt", failed.First)
				}
				if failed.Category != ergon.CategorySystem || failed.Phase != "" || !errors.Is(err, errBoom) {
					t.Errorf("got %s in phase %q: %v", failed.Category, failed.Phase, err)
				}
			})
		})
	}
}

// [T1] [T5]
func TestResultJustBeforeTheDeadlineCountsAndOneAtItDoesNot(t *testing.T) {
	for name, c := range map[string]struct {
		takes    time.Duration
		category ergon.Category
		failed   bool
	}{
		"a nanosecond before": {takes: 10*time.Second - 1},
		"at the deadline":     {takes: 10 * time.Second, failed: true},
		"a nanosecond after":  {takes: 10*time.Second + 1, failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := ergon.RunFn(t.Context(), steady(1), takes(c.takes, "done"))
				expectElapsed(t, start, min(c.takes, 10*time.Second))
				if !c.failed {
					if got != "done" || err != nil {
						t.Errorf("got %q, %v, want the result", got, err)
					}
					return
				}
				if failed := asTransactionError(t, err); failed.Category != ergon.CategoryTimeout || !errors.Is(err, ergon.ErrAttemptTimeout) {
					t.Errorf("got %v, want TIMEOUT by ErrAttemptTimeout", err)
				}
				if got != "" {
					t.Errorf("got %q beside the error, want nothing", got)
				}
				time.Sleep(time.Second) // until the abandoned attempt has ended
			})
		})
	}
}

// [T1] [R1] 10 s + 1 s + 10 s + 2 s + 10 s
func TestAttemptThatIgnoresItsContextTimesOutAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		start := time.Now()
		_, err := ergon.RunFn(t.Context(), steady(3), func(context.Context) (string, error) {
			calls.Add(1)
			time.Sleep(time.Hour)
			return "late", nil
		})
		expectElapsed(t, start, 33*time.Second)
		failed := asTransactionError(t, err)
		if got, want := err.Error(), "TIMEOUT: attempt timeout: no result within 10s (after 3 attempts)"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if calls.Load() != 3 || failed.Attempts != 3 || !errors.Is(failed.First, ergon.ErrAttemptTimeout) {
			t.Errorf("%d calls, %+v", calls.Load(), failed)
		}
		time.Sleep(time.Hour) // until the abandoned attempts have ended
	})
}
