package pipeline

import (
	"math"
	"time"
)

// instant is a point in monotonic time, in nanoseconds since a clock was made. 0 is "none" where a deadline is meant.
type instant int64

const never instant = math.MaxInt64

type clock struct{ base time.Time }

func newClock() clock { return clock{base: time.Now().Add(-time.Nanosecond)} } // so that now is never 0

func (c clock) Now() instant { return instant(time.Since(c.base)) }

func (c clock) Time(i instant) time.Time { return c.base.Add(time.Duration(i)) }

// After adds without overflowing.
func (i instant) After(d time.Duration) instant {
	if d <= 0 {
		return i
	}
	if sum := i + instant(d); sum > i {
		return sum
	}
	return never
}
