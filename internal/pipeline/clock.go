package pipeline

import (
	"time"

	"github.com/ergon-go/ergon/internal/attempt"
)

// The engine's time is that of its attempts: a deadline, a due time or a duration since the loop began is one word.
type (
	clock   = attempt.Clock
	instant = attempt.Instant
)

const never = attempt.Never

// optionalTimer is a timer, or none: its channel never receives then.
type optionalTimer struct {
	c     <-chan time.Time
	timer *time.Timer
}

// afterOrNever makes a timer; none if d is not more than 0.
func afterOrNever(d time.Duration) optionalTimer {
	if d <= 0 {
		return optionalTimer{}
	}
	t := time.NewTimer(d)
	return optionalTimer{c: t.C, timer: t}
}

func (t optionalTimer) stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
}
