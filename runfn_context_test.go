package ergon_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
)

var errReason = errors.New("reason")

// ending is a way for a context to end.
type ending struct {
	deadline bool  // by a deadline, otherwise by a cancellation
	cause    error // nil for none
	category ergon.Category
}

func (e ending) after(ctx context.Context, d time.Duration) context.Context {
	if e.deadline {
		ctx, cancel := context.WithTimeoutCause(ctx, d, e.cause)
		context.AfterFunc(ctx, cancel)
		return ctx
	}
	ctx, cancel := context.WithCancelCause(ctx)
	time.AfterFunc(d, func() { cancel(e.cause) })
	return ctx
}

func (e ending) check(t *testing.T, err error) {
	t.Helper()
	if got := asTransactionError(t, err).Category; got != e.category {
		t.Errorf("category is %s, want %s: %v", got, e.category, err)
	}
	if e.cause != nil && !errors.Is(err, e.cause) {
		t.Errorf("errors.Is does not reach the cause of %v", err)
	}
	if want := context.Canceled; !e.deadline && !errors.Is(err, want) {
		t.Errorf("errors.Is does not reach %q from %v", want, err)
	}
	if want := context.DeadlineExceeded; e.deadline && !errors.Is(err, want) {
		t.Errorf("errors.Is does not reach %q from %v", want, err)
	}
}

var endings = map[string]ending{
	"cancelled":               {false, nil, ergon.CategorySystem},
	"cancelled for a reason":  {false, errReason, ergon.CategorySystem},
	"reason that is business": {false, ergon.Business(errReason), ergon.CategorySystem},
	"interrupted":             {false, ergon.ErrInterrupted, ergon.CategorySystem},
	"loop timeout":            {false, ergon.ErrLoopTimeout, ergon.CategoryTimeout},
	"transaction timeout":     {true, ergon.ErrTransactionTimeout, ergon.CategoryTimeout},
	"outer attempt timeout":   {true, ergon.ErrAttemptTimeout, ergon.CategoryTimeout},
	"wrapped timeout":         {true, fmt.Errorf("nightly: %w", ergon.ErrLoopTimeout), ergon.CategoryTimeout},
	"deadline of one's own":   {true, nil, ergon.CategorySystem},
	"deadline for a reason":   {true, errReason, ergon.CategorySystem},
}

// [R2] What the context ended with decides, whatever the attempt was doing then.
func TestEndOfTheContextEndsTheRunAtOnce(t *testing.T) {
	heeds := func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "", errBoom
	}
	for name, c := range map[string]struct {
		after    time.Duration
		fn       func(context.Context) (string, error)
		attempts int
	}{
		"before the first attempt":      {0, heeds, 0},
		"in an attempt that heeds it":   {3 * time.Second, heeds, 1},
		"in an attempt that ignores it": {3 * time.Second, takes(time.Hour, "late"), 1},
		"in the first backoff":          {500 * time.Millisecond, fails(errBoom), 1},
		"in the second backoff":         {2 * time.Second, fails(errBoom), 2},
	} {
		for how, end := range endings {
			if strings.Contains(name, "backoff") && end.deadline {
				continue // there would be no room for the backoff, and so none to end in
			}
			t.Run(name+"/"+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := end.after(t.Context(), c.after)
					if c.after == 0 {
						<-ctx.Done()
					}
					start := time.Now()
					_, err := ergon.RunFn(ctx, steady(3), c.fn)
					expectElapsed(t, start, c.after)
					end.check(t, err)
					if got := asTransactionError(t, err).Attempts; got != c.attempts {
						t.Errorf("%d attempts, want %d: %v", got, c.attempts, err)
					}
					time.Sleep(time.Hour) // until what was abandoned has ended
				})
			})
		}
	}
}

func TestErrorOfARunThatWasCutShortSaysBothReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(errReason) })
		_, err := ergon.RunFn(ctx, steady(3), fails(errBoom))
		want := "SYSTEM: context canceled: reason; attempt 2 failed with: boom (after 2 attempts)"
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
		if !errors.Is(err, errBoom) {
			t.Error("errors.Is does not reach what the attempt failed with")
		}
		_, err = ergon.RunFn(ctx, steady(3), fails(errBoom))
		if got, want := err.Error(), "SYSTEM: context canceled: reason: not attempted"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// endsUnseen is a context that ends just after an attempt came back: too late for the attempt to be given up.
type endsUnseen struct {
	context.Context
	ended atomic.Bool
}

func (e *endsUnseen) Err() error {
	if e.ended.Load() {
		return context.Canceled
	}
	return nil
}

// [R2] What no further attempt could change stays what it is.
func TestRefusalStaysOneWhereTheContextEndsAfterIt(t *testing.T) {
	for name, c := range map[string]struct{ err, want error }{
		"business":  {ergon.Business(errBoom), errors.New("BUSINESS: boom")},
		"permanent": {ergon.Permanent(errBoom), errors.New("SYSTEM: boom")},
		"system":    {errBoom, errors.New("SYSTEM: context canceled; attempt 1 failed with: boom")},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := &endsUnseen{Context: context.WithoutCancel(t.Context())}
			_, err := ergon.RunFn(ctx, steady(3), func(context.Context) (string, error) {
				ctx.ended.Store(true)
				return "", c.err
			})
			if err.Error() != c.want.Error() {
				t.Errorf("got %q, want %q", err, c.want)
			}
		})
	}
}

// [T5] The backoff is 1 s after the first attempt, which takes 2 s.
func TestDeadlineThatLeavesNoRoomForTheBackoffEndsTheRun(t *testing.T) {
	for name, c := range map[string]struct {
		deadline, elapsed time.Duration
		calls             int32
		err               string
	}{
		"none": {
			3 * time.Second, 2 * time.Second, 1,
			"SYSTEM: boom (not retried: the deadline of the context leaves no room for the backoff of 1s)",
		},
		"a nanosecond": {3*time.Second + 1, 3*time.Second + 1, 2, "SYSTEM: context deadline exceeded (after 2 attempts)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				var calls atomic.Int32
				start := time.Now()
				_, err := ergon.RunFn(ctx, steady(3), func(context.Context) (string, error) {
					calls.Add(1)
					time.Sleep(2 * time.Second)
					return "", errBoom
				})
				expectElapsed(t, start, c.elapsed)
				if err.Error() != c.err || calls.Load() != c.calls {
					t.Errorf("%d calls: %v\nwant %d: %s", calls.Load(), err, c.calls, c.err)
				}
				time.Sleep(time.Minute) // until the abandoned attempt has ended
			})
		})
	}
}

// [T1] Of the attempt's timeout and the deadline of the context the earlier one counts; of equal ones, the context's.
func TestEarlierDeadlineCounts(t *testing.T) {
	for name, c := range map[string]struct {
		context time.Duration
		cause   error
	}{
		"context a nanosecond earlier": {10*time.Second - 1, ergon.ErrTransactionTimeout},
		"both at once":                 {10 * time.Second, ergon.ErrTransactionTimeout},
		"attempt a nanosecond earlier": {10*time.Second + 1, ergon.ErrAttemptTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			for fnName, fn := range map[string]func(context.Context) (string, error){
				"ignores its context": takes(time.Hour, "late"),
				"returns right then":  takes(min(c.context, 10*time.Second), "late"),
			} {
				t.Run(fnName, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						ctx, cancel := context.WithTimeoutCause(t.Context(), c.context, ergon.ErrTransactionTimeout)
						defer cancel()
						start := time.Now()
						_, err := ergon.RunFn(ctx, steady(1), fn)
						expectElapsed(t, start, min(c.context, 10*time.Second))
						if failed := asTransactionError(t, err); failed.Category != ergon.CategoryTimeout || !errors.Is(err, c.cause) {
							t.Errorf("got %v, want %v", err, c.cause)
						}
						time.Sleep(time.Hour) // until the abandoned attempt has ended
					})
				})
			}
		})
	}
}
