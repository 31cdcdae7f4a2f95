package ergon

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// RunFn calls fn until it succeeds, up to retry.MaxAttempts times. It returns the result or a *[TransactionError].
//
// Each attempt has a hard timeout: it runs on its own goroutine, and at its deadline RunFn continues without it, even if fn
// ignores its context. A result that comes at the deadline or later does not count; see [OnLateResult]. The context of an attempt
// ends at the deadline, with the cause ErrAttemptTimeout, and when the attempt returns. If fn never returns, its goroutine is
// never freed, so respect the context if you can. An abandoned attempt may still run during the next attempt: protect the data
// that they share.
//
// There is no further attempt after a [Business] or [Permanent] error, after ctx has ended, or if the backoff would last beyond
// the deadline of ctx. [RetryAfter] replaces the backoff. A panic or runtime.Goexit in fn is an error of category SYSTEM with its
// stack. RunFn does not catch a panic in a goroutine that fn started.
//
// If ctx ended, its cause decides the category: TIMEOUT for ErrTransactionTimeout, ErrLoopTimeout and an enclosing
// ErrAttemptTimeout, SYSTEM for a deadline or cancellation by the caller. If retry is invalid, RunFn returns its faults and does
// not call fn. If the span in ctx records, RunFn makes one span for itself and one for each attempt. One attempt costs about 1
// µs, because it needs a second goroutine.
func RunFn[T any](ctx context.Context, retry policy.Retry, fn func(context.Context) (T, error), opts ...RunOption) (T, error) {
	var none T
	if err := retry.Validate(); err != nil {
		return none, fmt.Errorf("ergon.RunFn: retry policy: %w", err)
	}
	if fn == nil {
		return none, errors.New("ergon.RunFn was given no function")
	}
	r := startRun(ctx, retry, opts)
	for r.next() {
		attempted, span := r.spans.startAttempt(r.ctx, r.attempts)
		result, failed := callWithin(attempted, retry.Timeout, fn, r.option.onLateResult)
		span.end(failed.of())
		if failed == nil {
			r.spans.end(r.attempts, nil)
			return result, nil
		}
		r.record(failed)
	}
	r.spans.end(r.attempts, r.failed.of())
	return none, r.failed.of()
}

// Decorate returns fn with [RunFn] around it.
func Decorate[In, Out any](
	retry policy.Retry, fn func(context.Context, In) (Out, error), opts ...RunOption,
) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (Out, error) {
		return RunFn(ctx, retry, func(ctx context.Context) (Out, error) { return fn(ctx, in) }, opts...)
	}
}

// run is one RunFn: its attempts so far, and their failures.
type run struct {
	ctx      context.Context //nolint:containedctx // lives as long as the call that it was given to
	retry    policy.Retry
	option   RunOption
	spans    runSpans
	attempts int
	first    error    // of the first attempt
	failed   *failure // of the last attempt
}

func startRun(ctx context.Context, retry policy.Retry, opts []RunOption) run {
	r := run{retry: retry}
	for _, o := range opts {
		if o.spanName != "" {
			r.option.spanName = o.spanName
		}
		if o.onLateResult != nil {
			r.option.onLateResult = o.onLateResult
		}
	}
	r.ctx, r.spans = startRunSpans(ctx, r.option.spanName, retry)
	return r
}

// next reports whether there is another attempt, after the backoff that precedes it.
func (r *run) next() bool {
	switch {
	case r.attempts == 0 && r.ctx.Err() != nil:
		r.failed = ended(r.ctx)
		r.failed.Err = fmt.Errorf("%w: not attempted", r.failed.Err)
		return false
	case r.attempts > 0 && !r.retryable():
		return false
	}
	r.attempts++
	return true
}

// retryable reports whether there is another attempt after the last failure, and waits for the backoff before it.
func (r *run) retryable() bool {
	if r.failed.Category == CategoryBusiness || r.failed.permanent {
		return false
	}
	if r.ctx.Err() != nil {
		r.interrupted()
		return false
	}
	if r.attempts >= r.retry.MaxAttempts {
		return false
	}
	delay := r.failed.after
	if !r.failed.delayed {
		delay = r.retry.Jittered(r.retry.Delay(r.attempts), rand.Float64())
	}
	if deadline, ok := r.ctx.Deadline(); ok && time.Until(deadline) <= delay {
		r.failed.Err = fmt.Errorf("%w (not retried: the deadline of the context leaves no room for the backoff of %s)", r.failed.Err, delay)
		return false
	}
	if !sleep(r.ctx, delay) {
		r.interrupted()
		return false
	}
	return true
}

// record notes the failure of the last attempt.
func (r *run) record(failed *failure) {
	if r.attempts == 1 {
		r.first = failed.Err
	} else {
		failed.First = r.first
	}
	failed.Attempts = r.attempts
	r.failed = failed
}

// interrupted makes the end of the context the failure, and keeps the error of the last attempt in it.
func (r *run) interrupted() {
	end := ended(r.ctx)
	if !r.failed.saysEnd {
		r.failed.Err = fmt.Errorf("%w; attempt %d failed with: %w", end.Err, r.attempts, r.failed.Err)
	}
	r.failed.Category = end.Category
}

// sleep waits for d, and reports whether ctx has not ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
