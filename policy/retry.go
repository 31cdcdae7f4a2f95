package policy

import (
	"cmp"
	"math"
	"time"
)

// Retry is how often a step is attempted, how long one attempt may take and how long to wait in between.
//
// In Go a field that is left out is zero: Retry{MaxAttempts: 3, Timeout: time.Second} is valid and retries at once. In YAML a key
// that is left out has its default: {max_attempts: 3, timeout: 1s} waits 200 ms and 400 ms. A zero that is written means the same in
// both.
type Retry struct {
	// MaxAttempts counts attempts in total; 1 means no retry. At least 1. Default 3.
	MaxAttempts int `yaml:"max_attempts"`
	// Timeout is the hard limit of one attempt. More than 0. Default 30s.
	Timeout time.Duration `yaml:"timeout"`
	// Backoff is the delay before the second attempt. 0 retries at once. Default 200ms.
	Backoff time.Duration `yaml:"backoff"`
	// BackoffMultiplier is the factor from each delay to the next. At least 1; 0 means 1. Default 2.
	BackoffMultiplier float64 `yaml:"backoff_multiplier"`
	// BackoffCap is the maximum delay; 0 means no maximum. If it has its default, and Backoff is longer, Backoff is the maximum.
	// Default 10s.
	BackoffCap time.Duration `yaml:"backoff_cap"`
	// Jitter is the maximum fraction of a delay, from 0 to 1, by which it is randomly shortened, so that many failures
	// do not retry at the same moment. It never lengthens a delay. Default 0.2.
	Jitter float64 `yaml:"jitter"`
}

// DefaultRetry returns three attempts of up to 30 s each, 200 ms and 400 ms apart. YAML is decoded onto it.
func DefaultRetry() Retry {
	return Retry{
		MaxAttempts:       3,
		Timeout:           30 * time.Second,
		Backoff:           200 * time.Millisecond,
		BackoffMultiplier: 2,
		BackoffCap:        10 * time.Second,
		Jitter:            0.2,
	}
}

// Delay returns how long to wait after attempt n (counted from 1) before attempt n+1: Backoff × BackoffMultiplier^(n-1), but not
// more than BackoffCap. It depends on n only.
func (r Retry) Delay(n int) time.Duration {
	return exponential(r.Backoff, cmp.Or(r.BackoffMultiplier, 1), r.backoffCap(), n-1)
}

// backoffCap returns BackoffCap. If that is the default only, it gives way to a longer backoff [C2].
func (r Retry) backoffCap() time.Duration {
	if r.BackoffCap == DefaultRetry().BackoffCap {
		return max(r.BackoffCap, r.Backoff)
	}
	return r.BackoffCap
}

// Jittered shortens d by Jitter × random; random is a number in [0, 1).
func (r Retry) Jittered(d time.Duration, random float64) time.Duration {
	return jittered(d, r.Jitter, random)
}

func (r Retry) validate(at path) faults {
	var f faults
	f.atLeast(at.key("max_attempts"), r.MaxAttempts, 1, "1 means no retry")
	f.positive(at.key("timeout"), r.Timeout, "an attempt needs a limit, such as 30s")
	f.notNegative(at.key("backoff"), r.Backoff)
	f.multiplier(at.key("backoff_multiplier"), cmp.Or(r.BackoffMultiplier, 1))
	f.notNegative(at.key("backoff_cap"), r.BackoffCap)
	f.fraction(at.key("jitter"), r.Jitter)
	if r.BackoffCap > 0 && r.backoffCap() < r.Backoff {
		f.addf(at.key("backoff_cap"), "%s is shorter than backoff %s; raise the cap or lower the backoff", r.BackoffCap, r.Backoff)
	}
	return f
}

// Validate reports every fault of r, each a *Fault. MaxAttempts and Timeout are required; every other field may be zero.
func (r Retry) Validate() error { return r.validate("").join() }

// exponential returns base × multiplier^exponent, but not more than limit (0: no limit). If that overflows, or is not a number, it
// returns the limit, or the longest Duration.
func exponential(base time.Duration, multiplier float64, limit time.Duration, exponent int) time.Duration {
	if base <= 0 {
		return 0
	}
	if limit <= 0 {
		limit = math.MaxInt64
	}
	if exponent <= 0 {
		return min(base, limit)
	}
	delay := float64(base) * math.Pow(multiplier, float64(exponent))
	if delay < float64(limit) {
		return max(min(base, limit), time.Duration(delay)) // a float64 above 104 days is not exact
	}
	return limit
}

func jittered(d time.Duration, jitter, random float64) time.Duration {
	return max(0, d-time.Duration(float64(d)*jitter*random))
}
