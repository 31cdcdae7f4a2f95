package capability

import (
	"context"

	"github.com/ergon-go/ergon"
)

// Hopper is a source that can settle a delivery and store its outputs in one transaction of its store: a [Hop] is durable as a
// whole or not at all. Within that store each step happens exactly once, even if the process is killed. It is safe for
// concurrent use.
type Hopper interface {
	// SharesStore reports whether transactions for another connector can be outputs in a hop of this one. It is called once,
	// after both were opened.
	SharesStore(to ergon.Dispatcher) bool
	// HopTransactions returns nil if the whole batch is durable. A *ergon.BatchError names the hops of which nothing is
	// durable, with ErrStaleDelivery for a delivery that the engine does not hold any more. After any other error no hop is
	// durable. The engine reuses the batch: the Hopper must not keep any part of it.
	HopTransactions(ctx context.Context, batch []Hop) error
}

// Hop is the settlement of one delivery together with its outputs.
type Hop struct {
	Settlement Settlement
	// Outputs are dispatched in this order. One connector may have several of them.
	Outputs []Output
}

// Output has the transactions for one connector in the same store as the source.
type Output struct {
	To           ergon.Dispatcher
	Transactions []ergon.Transaction
}
