package bench

import "context"

// What all contestants have in common, where they have it: as many workers, and the engine's default retries and timeouts.
const (
	workers   = 64
	batchSize = 100
)

// Deadline is what a contestant does about a call that takes too long.
type Deadline string

// The deadlines.
const (
	// DeadlineNone waits for the call, however long it takes.
	DeadlineNone Deadline = "none"
	// DeadlineSoft cancels the call's context and waits for it to return.
	DeadlineSoft Deadline = "soft"
	// DeadlineHard continues without the call.
	DeadlineHard Deadline = "hard"
)

// Contestant is one way to get items processed.
type Contestant struct {
	Name string
	// Attempts is how often a call that fails is made in total.
	Attempts int
	Deadline Deadline
	// Ready, where set, prepares a run of as many items. It is not measured.
	Ready func(ctx context.Context, items int) error
	// Run processes as many items, and returns how many succeeded.
	Run func(ctx context.Context, items int, work Work) (succeeded int, err error)
}

// Lifecycle returns the ways to take an item through process and success; the bare pool, against which the others are
// held, comes first.
func Lifecycle() []Contestant {
	return []Contestant{
		BarePool(),
		NewEngine().Contestant("ergon, async"),
		NewEngine(Sync).Contestant("ergon, sync"),
		NewEngine(InBatches).Contestant("ergon, async, mode batch"),
		NewEngine(Sync, InBatches).Contestant("ergon, sync, mode batch"),
		NewEngine(FromQueue).Contestant("ergon, async, from a real queue"),
		Failsafe(),
		Goroutines(),
		Watermill(),
	}
}
