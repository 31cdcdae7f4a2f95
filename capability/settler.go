package capability

import (
	"context"
	"errors"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// ErrStaleDelivery is the error of a delivery that the source has taken back. The source delivers the transaction again, or has
// already done so.
var ErrStaleDelivery = errors.New("stale delivery: the source has taken the transaction back")

// Settler is a source that must learn the outcome of each transaction. It is safe for concurrent use.
type Settler interface {
	// SettleTransactions returns nil when all of batch is durable. A *ergon.BatchError names the settlements that are not, with
	// ErrStaleDelivery for a delivery that the engine no longer owns. With any other error none is durable. The engine owns the
	// memory of batch and reuses it, so a Settler must not keep any of it.
	//
	// A source that settles in order ([Declaration.InOrder]) gets a prefix of each partition, in order. If an item fails, the items
	// of its partition behind it have no effect and need not be named: the engine sends them again.
	SettleTransactions(ctx context.Context, batch []Settlement) error
}

// Settlement is the outcome of one delivery.
type Settlement struct {
	Transaction ergon.Transaction
	Action      policy.SettleAction
	// Delay is the minimum time before a requeued transaction is delivered again.
	Delay time.Duration
	// Interrupted is set for a transaction that is requeued unprocessed: a source that counts deliveries does not count this one.
	Interrupted bool
}
