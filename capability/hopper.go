package capability

import (
	"context"

	"github.com/ergon-go/ergon"
)

// Hopper is a source that can settle a delivery and store its outputs in one transaction of its store: a [Hop] is durable as a
// whole or not at all. Within that store each step happens exactly once, even if the process is killed. It is safe for
// concurrent use.
type Hopper interface {
	// SharesStore reports whether what is dispatched to another connector can be part of a hop of this one. It is asked once,
	// after both were opened.
	SharesStore(to ergon.Dispatcher) bool
	// HopTransactions returns nil when all of batch is durable. A *ergon.BatchError names the hops of which nothing is, with
	// ErrStaleDelivery for a delivery that is no longer the engine's; with any other error none is. The batch is the
	// engine's memory, which is used again: a Hopper keeps nothing of it.
	HopTransactions(ctx context.Context, batch []Hop) error
}

// Hop is what becomes of one delivery, and what came out of it.
type Hop struct {
	Settlement Settlement
	// Outputs are dispatched in this order. Those of one connector may come in several parts.
	Outputs []Output
}

// Output is what goes to one connector, which shares the source's store.
type Output struct {
	To           ergon.Dispatcher
	Transactions []ergon.Transaction
}
