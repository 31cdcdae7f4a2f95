package policy

import "time"

// EmptyQueue is how long a streaming loop waits after it fetched nothing.
type EmptyQueue struct {
	// Backoff is the wait after the first empty fetch. More than 0. Default 100ms.
	Backoff time.Duration `yaml:"backoff"`
	// BackoffMultiplier is the factor from each wait to the next. At least 1. Default 2.
	BackoffMultiplier float64 `yaml:"backoff_multiplier"`
	// BackoffCap is the maximum wait. At least Backoff and Interval. If it has its default, and one of them is longer, the longer
	// one is the maximum. Default 5s.
	BackoffCap time.Duration `yaml:"backoff_cap"`
	// Interval is the minimum wait. Default 0.
	Interval time.Duration `yaml:"interval"`
	// Jitter is the maximum fraction of a wait, from 0 to 1, by which it is randomly shortened. Default 0.2.
	Jitter float64 `yaml:"jitter"`
}

// DefaultEmptyQueue returns waits of 100 ms, doubling up to 5 s.
func DefaultEmptyQueue() EmptyQueue {
	return EmptyQueue{Backoff: 100 * time.Millisecond, BackoffMultiplier: 2, BackoffCap: 5 * time.Second, Jitter: 0.2}
}

// Delay returns how long to wait after n empty fetches in a row (n from 1): max(Interval, Backoff × BackoffMultiplier^(n-1)),
// but not more than BackoffCap. It depends on n only.
func (e EmptyQueue) Delay(n int) time.Duration {
	limit := e.backoffCap()
	return max(min(e.Interval, limit), exponential(e.Backoff, e.BackoffMultiplier, limit, n-1))
}

// backoffCap returns BackoffCap. If that is the default only, it gives way to a longer backoff or interval [C2].
func (e EmptyQueue) backoffCap() time.Duration {
	if e.BackoffCap == DefaultEmptyQueue().BackoffCap {
		return max(e.BackoffCap, e.Backoff, e.Interval)
	}
	return e.BackoffCap
}

// Jittered shortens d by Jitter × random, but not below Interval; random is a number in [0, 1).
func (e EmptyQueue) Jittered(d time.Duration, random float64) time.Duration {
	return max(e.Interval, jittered(d, e.Jitter, random))
}

func (e EmptyQueue) validate(at path) faults {
	var f faults
	f.positive(at.key("backoff"), e.Backoff, "an empty source must not be polled without a pause")
	f.multiplier(at.key("backoff_multiplier"), e.BackoffMultiplier)
	f.notNegative(at.key("interval"), e.Interval)
	f.fraction(at.key("jitter"), e.Jitter)
	if e.backoffCap() < e.Backoff || e.backoffCap() < e.Interval {
		f.addf(at.key("backoff_cap"), "%s is shorter than backoff %s or interval %s; raise it", e.BackoffCap, e.Backoff, e.Interval)
	}
	return f
}
