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
	for most, want := range map[int]time.Duration{1: 0, 2: time.Second, 3: 3 * time.Second, 4: 7 * time.Second} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, calls := time.Now(), 0
				_, err := ergon.RunFn(t.Context(), steady(most), func(context.Context) (string, error) {
					calls++
					return "", fmt.Errorf("call %d: %w", calls, errBoom)
				})
				expectElapsed(t, start, want)
				failed := asTransactionError(t, err)
				if calls != most || failed.Attempts != most {
					t.Errorf("%d calls and Attempts %d, want %d", calls, failed.Attempts, most)
				}
				if got, want := failed.Err.Error(), fmt.Sprintf("call %d: boom", most); got != want {
					t.Errorf("Err is %q, want %q", got, want)
				}
				if most > 1 && (failed.First == nil || failed.First.Error() != "call 1: boom") {
					t.Errorf("First is %v, want that of the first call", failed.First)
				}
				if most == 1 && failed.First != nil {
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

// [R1] 4 s of work + 1 s + 4 s + 2 s + 4 s
func TestHealedRunReturnsTheResultAndNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		start := time.Now()
		got, err := ergon.RunFn(t.Context(), steady(3), func(context.Context) (string, error) {
			time.Sleep(4 * time.Second)
			if calls.Add(1) < 3 {
				return "not this", errBoom
			}
			return "healed", nil
		})
		expectElapsed(t, start, 15*time.Second)
		if got != "healed" || err != nil {
			t.Errorf("got %q, %v, want healed", got, err)
		}
	})
}

// [R2]
func TestErrorsThatAreNotWorthIt(t *testing.T) {
	for name, c := range map[string]struct {
		err      error
		category ergon.Category
		attempts int
	}{
		"system":                         {errBoom, ergon.CategorySystem, 3},
		"business":                       {ergon.Business(errBoom), ergon.CategoryBusiness, 1},
		"wrapped business":               {fmt.Errorf("rule: %w", ergon.Business(errBoom)), ergon.CategoryBusiness, 1},
		"joined business":                {errors.Join(errors.New("closing"), ergon.Business(errBoom)), ergon.CategoryBusiness, 1},
		"permanent":                      {ergon.Permanent(errBoom), ergon.CategorySystem, 1},
		"wrapped permanent":              {fmt.Errorf("call: %w", ergon.Permanent(errBoom)), ergon.CategorySystem, 1},
		"joined permanent":               {errors.Join(errors.New("x"), ergon.Permanent(errBoom)), ergon.CategorySystem, 1},
		"permanent timeout":              {ergon.Permanent(fmt.Errorf("%w: %w", ergon.ErrAttemptTimeout, errBoom)), ergon.CategoryTimeout, 1},
		"handler's own deadline":         {fmt.Errorf("%w: %w", context.DeadlineExceeded, errBoom), ergon.CategorySystem, 3},
		"business that asks for a delay": {ergon.RetryAfter(ergon.Business(errBoom), time.Second), ergon.CategoryBusiness, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				_, err := ergon.RunFn(t.Context(), steady(3), func(context.Context) (string, error) {
					calls.Add(1)
					return "", c.err
				})
				failed := asTransactionError(t, err)
				if failed.Category != c.category || failed.Attempts != c.attempts || int(calls.Load()) != c.attempts {
					t.Errorf("got %s after %d calls, Attempts %d, want %s after %d",
						failed.Category, calls.Load(), failed.Attempts, c.category, c.attempts)
				}
				if !errors.Is(err, errBoom) {
					t.Errorf("errors.Is does not reach the cause of %v", err)
				}
			})
		})
	}
}

// [R1]
func TestErrorCanCarryItsOwnDelay(t *testing.T) {
	retry := steady(4)
	retry.Jitter, retry.BackoffCap = 1, 2*time.Second
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		start := time.Now()
		got, err := ergon.RunFn(t.Context(), retry, attempts(&calls,
			fails(ergon.RetryAfter(errBoom, 90*time.Second)),
			fails(fmt.Errorf("wrapped: %w", ergon.RetryAfter(errBoom, 0))),
			fails(errors.Join(errors.New("x"), ergon.Permanent(nil), ergon.RetryAfter(errBoom, 7*time.Second))),
			returns("done"),
		))
		expectElapsed(t, start, 97*time.Second) // neither jittered nor capped
		if got != "done" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// [R1]
func TestJitterOnlyShortensTheBackoff(t *testing.T) {
	retry := steady(2)
	retry.Jitter = 0.5
	synctest.Test(t, func(t *testing.T) {
		seen := map[time.Duration]bool{}
		for range 200 {
			var calls atomic.Int32
			start := time.Now()
			if _, err := ergon.RunFn(t.Context(), retry, attempts(&calls, fails(errBoom), returns("done"))); err != nil {
				t.Fatal(err)
			}
			delay := time.Since(start)
			if delay <= 500*time.Millisecond || delay > time.Second {
				t.Errorf("waited %s, want more than half of a second up to a second", delay)
			}
			seen[delay] = true
		}
		if len(seen) < 100 {
			t.Errorf("200 delays had %d values, want them spread", len(seen))
		}
	})
}

func TestAttemptContextSaysWhenAndWhyItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		contexts := make(chan context.Context, 2)
		start, retry := time.Now(), steady(2)
		_, err := ergon.RunFn(t.Context(), retry, func(ctx context.Context) (string, error) {
			contexts <- ctx
			if calls.Add(1) == 1 {
				<-ctx.Done()
			}
			return "done", ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		first, second := <-contexts, <-contexts
		if deadline, ok := first.Deadline(); !ok || deadline.Sub(start) != retry.Timeout {
			t.Errorf("deadline of the first attempt is %s after the start, want %s", deadline.Sub(start), retry.Timeout)
		}
		if got := context.Cause(first); !errors.Is(got, ergon.ErrAttemptTimeout) || !errors.Is(first.Err(), context.DeadlineExceeded) {
			t.Errorf("the attempt that timed out ended with %v because of %v", first.Err(), got)
		}
		if !errors.Is(second.Err(), context.Canceled) {
			t.Errorf("the context of an attempt that has returned is still alive: %v", second.Err())
		}
	})
}

func TestInvalidPolicyIsReturnedAsItsFaults(t *testing.T) {
	retry := policy.Retry{MaxAttempts: 0, Timeout: time.Second, BackoffMultiplier: 0.5}
	_, err := ergon.RunFn(t.Context(), retry, func(context.Context) (string, error) {
		t.Error("called")
		return "", nil
	})
	want := "ergon.RunFn: retry policy: max_attempts: is 0, must be at least 1 (1 means no retry)\n" +
		"backoff_multiplier: is 0.5, must be at least 1 (1 keeps the delay constant)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if _, ok := errors.AsType[*policy.Fault](err); !ok {
		t.Error("no *policy.Fault in it")
	}
}

func TestMissingFunctionIsAnError(t *testing.T) {
	if _, err := ergon.RunFn[int](t.Context(), steady(1), nil); err == nil || err.Error() != "ergon.RunFn was given no function" {
		t.Errorf("got %v", err)
	}
}

func TestNestedRunIsReportedOnce(t *testing.T) {
	single := func(ctx context.Context) (string, error) { return ergon.RunFn(ctx, steady(1), fails(errBoom)) }
	_, err := ergon.RunFn(t.Context(), steady(1), single)
	if got, want := err.Error(), "SYSTEM: boom"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	synctest.Test(t, func(t *testing.T) {
		double := func(ctx context.Context) (string, error) { return ergon.RunFn(ctx, steady(2), fails(errBoom)) }
		_, err := ergon.RunFn(t.Context(), steady(1), double)
		if got, want := err.Error(), "SYSTEM: SYSTEM: boom (after 2 attempts)"; got != want { //nolint:dupword // one of each run
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestDecoratedFunctionPassesItsInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		double := ergon.Decorate(steady(2), func(_ context.Context, n int) (int, error) {
			if calls.Add(1) == 1 {
				return 0, errBoom
			}
			return 2 * n, nil
		})
		start := time.Now()
		got, err := double(t.Context(), 21)
		expectElapsed(t, start, time.Second)
		if got != 42 || err != nil {
			t.Errorf("got %d, %v, want 42", got, err)
		}
	})
}

func BenchmarkRunFn(b *testing.B) {
	retry := policy.DefaultRetry()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = ergon.RunFn(b.Context(), retry, returns("done"))
	}
}
