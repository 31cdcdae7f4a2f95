package pipeline

import "github.com/ergon-go/ergon/internal/attempt"

// The types of package attempt, for attempts of handlers.
type (
	slot     = attempt.Slot[handlerAttempt, occupied]
	watchdog = attempt.Watchdog[handlerAttempt, occupied]
	shown    = attempt.Shown[handlerAttempt, occupied]
)

// occupied is what a slot carries in addition to the attempt. It has three words, so that a slot is one cache line. It belongs to the
// owner of the attempt.
type occupied struct {
	flight *flight // the flight of the attempt that runs
	chunk  *chunk  // the worker's; a successor continues with it
	shard  *shard  // the worker's
}

func newWatchdog(c clock, expire func([]shown)) *watchdog {
	return attempt.NewWatchdog(c, func(a *handlerAttempt) *attempt.Attempt { return &a.Attempt }, expire)
}
