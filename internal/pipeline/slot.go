package pipeline

import "github.com/ergon-go/ergon/internal/attempt"

// What package attempt has, for the attempts of handlers.
type (
	slot     = attempt.Slot[handlerAttempt, occupied]
	watchdog = attempt.Watchdog[handlerAttempt, occupied]
	shown    = attempt.Shown[handlerAttempt, occupied]
)

// occupied is what a slot carries beside the attempt: three words, so that a slot is one cache line. Whoever owns the attempt owns it.
type occupied struct {
	flight *flight // of the attempt that is shown
	chunk  *chunk  // what its worker took; one that replaces it goes on there
	shard  *shard  // where its worker counts
}

func newWatchdog(c clock, expire func([]shown)) *watchdog {
	return attempt.NewWatchdog(c, func(a *handlerAttempt) *attempt.Attempt { return &a.Attempt }, expire)
}
