package attempt

import (
	"math"
	"time"
)

// Instant is a point in monotonic time, in nanoseconds since a clock was made. 0 is "none" where a deadline is meant.
type Instant int64

// Never is later than every deadline.
const Never Instant = math.MaxInt64

// Clock tells the time in one word, which can be changed atomically. It costs one reading of the system's clock.
type Clock struct{ base time.Time }

// NewClock returns a clock whose time is never 0.
func NewClock() Clock { return Clock{base: time.Now().Add(-time.Nanosecond)} }

// Now is the time since the clock was made.
func (c Clock) Now() Instant { return Instant(time.Since(c.base)) }

// At converts t to the clock's time.
func (c Clock) At(t time.Time) Instant { return Instant(t.Sub(c.base)) }

// Time converts i to a time of package time.
func (c Clock) Time(i Instant) time.Time { return c.base.Add(time.Duration(i)) }

// After returns i + d; i if d is negative, and Never instead of an overflow.
func (i Instant) After(d time.Duration) Instant {
	if d <= 0 {
		return i
	}
	if sum := i + Instant(d); sum > i {
		return sum
	}
	return Never
}
