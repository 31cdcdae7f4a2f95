package observe

import (
	"time"

	"github.com/ergon-go/ergon/policy"
)

// PhaseStats has the durations of the attempts of a phase; for fetch and settle, the durations of calls including their retries.
// P50, P99 and Max are up to 6 % too high, because durations are counted in buckets.
type PhaseStats struct {
	Count         int64
	P50, P99, Max time.Duration
	// Buckets are the counts behind them, in order, without empty ones.
	Buckets []Bucket
}

// Snapshot is the state of a loop at one moment.
type Snapshot struct {
	// Fetched counts fetched transactions, Started those whose first attempt began.
	Fetched, Started int64
	// Outcomes counts transactions that ended.
	Outcomes map[Outcome]int64
	// Produced counts transactions that were prepared: by a producing loop, or by a hybrid task for inbound transactions that
	// succeeded.
	Produced int64
	// Duplicates, Conflicts and Diverged count dispatched transactions that sinks knew already: with the same content; with
	// other content, so they were not stored; and outputs that differ from the earlier ones, which were stored in addition.
	Duplicates, Conflicts, Diverged int64
	// Retries and Timeouts count attempts, Late those that returned after they were abandoned.
	Retries, Timeouts, Late int64
	// InFlight is the number of transactions that were fetched and have not ended. Unsettled adds those that wait to be
	// settled.
	InFlight, Unsettled int64
	// Waiting is the number of those that wait for their next attempt without a slot.
	Waiting int64
	// Returning is the number of requeued transactions that a finite loop waits for: its source delays them, and nothing else
	// is left to do.
	Returning int64
	// Active counts running attempts by phase; the other transactions in flight wait for a worker or for their next attempt.
	// Nil if none runs.
	Active map[policy.Phase]int64
	// Abandoned is the number of abandoned handlers that still run.
	Abandoned int64
	// Unwritten is the number of transactions that stay with their source because their dead letters cannot be written, as far
	// as is known. UnwrittenID is the id of one of them.
	Unwritten   int64
	UnwrittenID string
	// Concurrency is the number that may run at once now.
	Concurrency int
	// Outage is set while only probes are fetched.
	Outage bool
	// Paused is set while an operator has paused fetching.
	Paused bool
	// Elapsed is the time since the loop started, or its duration if it has ended. After a natural end it is the time until the
	// last transaction was settled.
	Elapsed time.Duration
	Phases  map[policy.Phase]PhaseStats
}

// Ended returns the number of transactions that ended.
func (s Snapshot) Ended() int64 {
	var n int64
	for _, count := range s.Outcomes {
		n += count
	}
	return n
}
