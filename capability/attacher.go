package capability

import (
	"context"

	"github.com/ergon-go/ergon"
)

// Attacher is a source that takes deliveries back while a loop works on them, or that knows when it has something to fetch
// [K3].
type Attacher interface {
	// Attach is called after Open, once before the first fetch of each loop. A source joins its group, or begins to consume, here
	// or later, never in Open: the command line opens it as well. ctx ends when the loop has settled all that it will, before
	// Close; from then on the methods of deliveries do nothing.
	Attach(ctx context.Context, deliveries Deliveries) error
}

// Deliveries is what a loop holds of its source. Any goroutine of the source may call it, also within FetchTransactions, but not
// within Attach, SettleTransactions, HopTransactions or ExtendLeases. It is safe for concurrent use.
//
// match selects deliveries. It is called once for each delivery that the loop holds, on the caller's goroutine, and for each one
// that a fetch in progress returns, on the goroutine of that fetch. The engine holds no lock meanwhile. A match by the generation
// in the receipt stays exact if a partition comes back. Before it calls, the source removes what matches from its own buffer.
type Deliveries interface {
	// Revoke ends the matching deliveries in good order. Those that have not started are requeued as interrupted; if the source
	// settles in order, they are dropped instead, and what runs behind them is cancelled. Those that run may finish until ctx
	// ends. What has ended is settled. The rest is cancelled, and its results are discarded. Revoke returns when all of this is
	// done, at most a second after ctx has ended. Then no matching delivery is being settled, and none will be, unless a call
	// has ignored its context: the source refuses that by its generation.
	Revoke(ctx context.Context, match func(ergon.Delivery) bool)
	// Lost tells the loop that the matching deliveries belong to the source again. Their handlers are cancelled, their results
	// are discarded, and nothing is settled. It does not wait.
	Lost(match func(ergon.Delivery) bool)
	// Wake ends the pause after an empty fetch. It does not wait.
	Wake()
}
