package capability

import (
	"context"
	"time"

	"github.com/ergon-go/ergon"
)

// ShortestLease is the minimum lease of a [LeaseKeeper]. The engine extends a lease four times while it lasts, and two of these
// extensions may fail. The duration of an attempt does not matter [C2].
const ShortestLease = 2 * time.Second

// LeaseKeeper is a source whose deliveries expire unless they are extended. It is safe for concurrent use.
type LeaseKeeper interface {
	// LeaseDuration is the time for which the engine owns a delivery after a fetch or an extension.
	LeaseDuration() time.Duration
	// ExtendLeases extends the leases of batch. A *ergon.BatchError names those that are lost.
	ExtendLeases(ctx context.Context, batch []ergon.Transaction) error
}
