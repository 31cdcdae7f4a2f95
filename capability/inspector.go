package capability

import (
	"context"
	"time"

	"github.com/ergon-go/ergon"
)

// Inspector is a queue that can be looked into without changing anything, also while tasks run on it in other processes.
type Inspector interface {
	// InspectQueue counts what is in the queue.
	InspectQueue(ctx context.Context) (QueueStats, error)
	// PeekTransactions returns up to limit transactions in one state, those first that would be delivered, or were claimed,
	// first. It claims nothing.
	PeekTransactions(ctx context.Context, state QueueState, limit int) ([]ergon.Transaction, error)
}

// QueueState is where a transaction is in its queue.
type QueueState string

// The states.
const (
	// StateReady may be delivered now.
	StateReady QueueState = "ready"
	// StateDelayed may be delivered later.
	StateDelayed QueueState = "delayed"
	// StateClaimed is delivered, under a lease.
	StateClaimed QueueState = "claimed"
	// StateSettled is done, and kept for a while for its id to be recognised and to be replayed.
	StateSettled QueueState = "settled"
)

// QueueStats is what is in a queue at one moment.
type QueueStats struct {
	Ready   int64 `json:"ready"`
	Delayed int64 `json:"delayed"`
	Claimed int64 `json:"claimed"`
	Settled int64 `json:"settled"`
	// OldestReadyAt is since when the one that waits longest could have been delivered; zero where none is ready.
	OldestReadyAt time.Time `json:"oldest_ready_at,omitzero"`
}

// Replayer is a queue that keeps settled transactions for a while and can deliver them once more.
type Replayer interface {
	// ReplayTransactions makes the settled transactions that match ready again and returns how many.
	ReplayTransactions(ctx context.Context, filter ReplayFilter) (int64, error)
}

// ReplayFilter chooses settled transactions: those that match all of what is set. The zero value matches all.
type ReplayFilter struct {
	// IDs, where there are any, are the transactions that are meant.
	IDs []string
	// SettledAfter and SettledBefore bound the time of settlement; zero: no bound. The bounds themselves match.
	SettledAfter, SettledBefore time.Time
}
