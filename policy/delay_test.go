package policy_test

import (
	"math"
	"testing"
	"time"

	"github.com/ergon-go/ergon/policy"
)

const longest = time.Duration(math.MaxInt64)

// [R1]
func TestDelayGrowsToItsCap(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		retry policy.Retry
		want  map[int]time.Duration
	}{
		"default": {policy.DefaultRetry(), map[int]time.Duration{
			-1: 200 * ms, 0: 200 * ms, 1: 200 * ms, 2: 400 * ms, 3: 800 * ms, 6: 6400 * ms, 7: 10_000 * ms, 8: 10_000 * ms,
			2000: 10_000 * ms, math.MaxInt: 10_000 * ms,
		}},
		"constant": {policy.Retry{Backoff: 3 * ms, BackoffMultiplier: 1}, map[int]time.Duration{1: 3 * ms, 2: 3 * ms, math.MaxInt: 3 * ms}},
		"half as long again": {policy.Retry{Backoff: 100 * ms, BackoffMultiplier: 1.5}, map[int]time.Duration{
			1: 100 * ms, 2: 150 * ms, 3: 225 * ms,
		}},
		"none": {policy.Retry{BackoffMultiplier: 2, BackoffCap: time.Second}, map[int]time.Duration{
			1: 0, 2: 0, 2000: 0, math.MaxInt: 0,
		}},
		"uncapped": {policy.Retry{Backoff: 1, BackoffMultiplier: 2}, map[int]time.Duration{
			1: 1, 2: 2, 41: 1 << 40, 63: 1 << 62, 64: longest, 65: longest, 1025: longest, math.MaxInt: longest,
		}},
		"cap just above": {policy.Retry{Backoff: 100, BackoffMultiplier: 2, BackoffCap: 401}, map[int]time.Duration{3: 400, 4: 401}},
		"longest":        {policy.Retry{Backoff: longest, BackoffMultiplier: 2}, map[int]time.Duration{1: longest, 2: longest}},
	} {
		for n, want := range c.want {
			if got := c.retry.Delay(n); got != want {
				t.Errorf("%s: delay after attempt %d is %s, want %s", name, n, got, want)
			}
		}
	}
}

// [R1] A delay that was looked at is the same when it is looked at again.
func TestLookingAtADelayChangesNothing(t *testing.T) {
	retry, empty := policy.DefaultRetry(), policy.DefaultEmptyQueue()
	for n := 1; n < 10; n++ {
		first, firstEmpty := retry.Delay(n), empty.Delay(n)
		for range 3 {
			retry.Delay(n + 1)
			empty.Delay(n + 1)
		}
		if got := retry.Delay(n); got != first {
			t.Errorf("delay %d is %s, before it was %s", n, got, first)
		}
		if got := empty.Delay(n); got != firstEmpty {
			t.Errorf("wait %d is %s, before it was %s", n, got, firstEmpty)
		}
	}
	if retry != policy.DefaultRetry() || empty != policy.DefaultEmptyQueue() {
		t.Error("the policy itself was changed")
	}
}

// [R1]
func TestJitterTakesOffAtMostItsPart(t *testing.T) {
	almostOne := math.Nextafter(1, 0)
	for _, c := range []struct {
		jitter, random float64
		delay, want    time.Duration
	}{
		{0, almostOne, time.Second, time.Second},
		{0.2, 0, time.Second, time.Second},
		{0.2, 0.5, time.Second, 900 * time.Millisecond},
		{1, 0.5, time.Second, 500 * time.Millisecond},
		{1, almostOne, 0, 0},
		{1, almostOne, 1, 1},
		{1, 0, longest, longest},
	} {
		if got := (policy.Retry{Jitter: c.jitter}).Jittered(c.delay, c.random); got != c.want {
			t.Errorf("%s with jitter %v at %v is %s, want %s", c.delay, c.jitter, c.random, got, c.want)
		}
	}
	if got := (policy.Retry{Jitter: 0.2}).Jittered(time.Second, almostOne); got < 800*time.Millisecond || got > 800*time.Millisecond+1 {
		t.Errorf("a second with jitter 0.2 at its most is %s, want 800ms", got)
	}
	if got := (policy.Retry{Jitter: 1}).Jittered(longest, almostOne); got < 0 || got > time.Hour {
		t.Errorf("the longest delay with all jitter is %s, want next to nothing", got)
	}
}

// [L3]
func TestWaitOnAnEmptyQueueGrowsBetweenIntervalAndCap(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		empty policy.EmptyQueue
		want  map[int]time.Duration
	}{
		"default": {policy.DefaultEmptyQueue(), map[int]time.Duration{
			1: 100 * ms, 2: 200 * ms, 3: 400 * ms, 6: 3200 * ms, 7: 5000 * ms, 5000: 5000 * ms, math.MaxInt: 5000 * ms,
		}},
		"interval is the least": {
			policy.EmptyQueue{Backoff: 100 * ms, BackoffMultiplier: 2, BackoffCap: 5000 * ms, Interval: 300 * ms},
			map[int]time.Duration{1: 300 * ms, 2: 300 * ms, 3: 400 * ms, 7: 5000 * ms},
		},
		"cap is the most": {
			policy.EmptyQueue{Backoff: 100 * ms, BackoffMultiplier: 2, BackoffCap: 250 * ms, Interval: time.Second},
			map[int]time.Duration{1: 250 * ms, 2: 250 * ms, 3: 250 * ms},
		},
	} {
		for n, want := range c.want {
			if got := c.empty.Delay(n); got != want {
				t.Errorf("%s: wait after %d empty fetches is %s, want %s", name, n, got, want)
			}
		}
	}
}

// [L3]
func TestJitterOfAnEmptyQueueStaysAboveTheInterval(t *testing.T) {
	empty := policy.EmptyQueue{Jitter: 0.5, Interval: 800 * time.Millisecond}
	for random, want := range map[float64]time.Duration{
		0: time.Second, 0.2: 900 * time.Millisecond, 0.4: 800 * time.Millisecond, 0.9: 800 * time.Millisecond,
	} {
		if got := empty.Jittered(time.Second, random); got != want {
			t.Errorf("a second at %v is %s, want %s", random, got, want)
		}
	}
}

// [R1] Whatever valid numbers there are: no delay is negative, shorter than the one before or longer than its cap.
func FuzzRetryDelay(f *testing.F) {
	f.Add(int64(200*time.Millisecond), 2.0, int64(10*time.Second), 0.2, 3, 0.5)
	f.Add(int64(math.MaxInt64-101), 3.0, int64(0), 0.2, 1, 0.5) // once: rounded up by float64
	f.Add(int64(1<<62+1), 1.0, int64(0), 0.2, 1, 0.5)           // once: the second shorter than the first
	f.Add(int64(0), 1.0, int64(0), 1.0, 1, 0.0)
	f.Add(int64(1), 1e300, int64(0), 1.0, 1<<40, 0.999)
	f.Add(int64(math.MaxInt64), 1.0000001, int64(math.MaxInt64), 1.0, 64, 0.999999999999)
	f.Fuzz(func(t *testing.T, backoff int64, multiplier float64, most int64, jitter float64, n int, random float64) {
		retry := policy.Retry{
			MaxAttempts: 1, Timeout: 1, Backoff: time.Duration(backoff), BackoffMultiplier: multiplier,
			BackoffCap: time.Duration(most), Jitter: jitter,
		}
		if retry.Validate() != nil || !(random >= 0 && random < 1) || n == math.MaxInt {
			return
		}
		delay, next := retry.Delay(n), retry.Delay(n+1)
		if delay < 0 || delay > next {
			t.Errorf("delay %d is %s, the next %s", n, delay, next)
		}
		limit := time.Duration(most)
		if limit == policy.DefaultRetry().BackoffCap {
			limit = max(limit, retry.Backoff)
		}
		if most > 0 && next > limit {
			t.Errorf("delay %s is longer than its cap %s", next, limit)
		}
		if n <= 1 && delay != min(retry.Backoff, delay) {
			t.Errorf("the first delay is %s, longer than backoff %s", delay, retry.Backoff)
		}
		least := time.Duration(float64(delay) * (1 - jitter))
		slack := delay/1e9 + 1 // a float64 holds about 16 digits
		if got := retry.Jittered(delay, random); got < 0 || got > delay || got < least-slack {
			t.Errorf("delay %s with jitter %v at %v is %s", delay, jitter, random, got)
		}
	})
}
