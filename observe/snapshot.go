package observe

import (
	"time"

	"github.com/ergon-go/ergon/policy"
)

// PhaseStats is how long the attempts of a phase took; for fetch and settle, one call with its retries. P50, P99 and Max are
// at most 6 % too high, because durations are counted in buckets.
type PhaseStats struct {
	Count         int64
	P50, P99, Max time.Duration
	// Buckets are what they are made of, in order, without those that are empty.
	Buckets []Bucket
}

// Snapshot is the state of a loop at one moment.
type Snapshot struct {
	// Fetched and Started count transactions; Started those whose first attempt began.
	Fetched, Started int64
	// Outcomes counts those that ended.
	Outcomes map[Outcome]int64
	// Produced is how many transactions were prepared: by a producing loop, or by a hybrid task for inbound transactions that
	// succeeded.
	Produced int64
	// Duplicates, Conflicts and Diverged count what sinks knew already of what was dispatched: with the same content; with other
	// content, so that it was not stored; and outputs that came out differently, which were stored beside the earlier ones.
	Duplicates, Conflicts, Diverged int64
	// Retries and Timeouts count attempts, Late those that returned after they had been given up.
	Retries, Timeouts, Late int64
	// InFlight is how many were fetched and have not come to the end of their lifecycle, Unsettled those and what waits to
	// be settled.
	InFlight, Unsettled int64
	// Waiting is how many of them wait for their next attempt, without a slot.
	Waiting int64
	// Returning is how many requeued transactions a loop that is not streaming waits for: its source holds them back, and
	// nothing else is left to do.
	Returning int64
	// Active counts the attempts that run, by phase; those that wait, for a worker or for the next attempt, are the rest of
	// what is in flight. Nil where none runs.
	Active map[policy.Phase]int64
	// Abandoned is how many handlers are running that were given up.
	Abandoned int64
	// Unwritten is how many transactions stay with their source because their dead letters cannot be written, as far as it is
	// known; UnwrittenID is the id of one.
	Unwritten   int64
	UnwrittenID string
	// Concurrency is how many may run at once now.
	Concurrency int
	// Outage is set while nothing but probes is fetched.
	Outage bool
	// Paused is set while nothing is fetched because somebody said so.
	Paused bool
	// Elapsed is the time since the loop started, or what it took where it has ended: until its last transaction was settled, where
	// it came to its natural end.
	Elapsed time.Duration
	Phases  map[policy.Phase]PhaseStats
}

// Ended is how many transactions came to an end.
func (s Snapshot) Ended() int64 {
	var n int64
	for _, count := range s.Outcomes {
		n += count
	}
	return n
}
