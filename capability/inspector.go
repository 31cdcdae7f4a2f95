package capability

import (
	"context"
	"time"

	"github.com/ergon-go/ergon"
)

// Inspector is a queue that can be read without changing it, also while tasks of other processes use it.
type Inspector interface {
	// InspectQueue counts the transactions in the queue.
	InspectQueue(ctx context.Context) (QueueStats, error)
	// PeekTransactions returns up to limit transactions in one state, in the order in which they would be delivered or were
	// claimed. It claims nothing.
	PeekTransactions(ctx context.Context, state QueueState, limit int) ([]ergon.Transaction, error)
}

// QueueState is the state of a transaction in its queue.
type QueueState string

// The states.
const (
	// StateReady may be delivered now.
	StateReady QueueState = "ready"
	// StateDelayed may be delivered later.
	StateDelayed QueueState = "delayed"
	// StateClaimed was delivered, under a lease.
	StateClaimed QueueState = "claimed"
	// StateSettled is done. It is kept for a while, so that its id is recognized and it can be replayed.
	StateSettled QueueState = "settled"
)

// QueueStats is the content of a queue at one moment.
type QueueStats struct {
	Ready   int64 `json:"ready"`
	Delayed int64 `json:"delayed"`
	Claimed int64 `json:"claimed"`
	Settled int64 `json:"settled"`
	// OldestReadyAt is the time since which the oldest ready transaction could have been delivered; zero if none is ready.
	OldestReadyAt time.Time `json:"oldest_ready_at,omitzero"`
}

// Replayer is a queue that keeps settled transactions for a while and can deliver them again.
type Replayer interface {
	// ReplayTransactions makes the settled transactions that match ready again and returns how many.
	ReplayTransactions(ctx context.Context, filter ReplayFilter) (int64, error)
}

// ReplayFilter selects settled transactions that match all fields that are set. The zero value matches all.
type ReplayFilter struct {
	// IDs, if there are any, select transactions by id.
	IDs []string
	// SettledAfter and SettledBefore limit the time of settlement, inclusively. Zero means no limit.
	SettledAfter, SettledBefore time.Time
}
