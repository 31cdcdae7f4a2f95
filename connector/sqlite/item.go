package sqlite

import (
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/queueitem"
)

// Metadata that controls the delivery of a transaction. Like all metadata it is delivered with the transaction. The ordering
// key is the third kind, see [ergon.Transaction.WithOrderingKey]: of the transactions of one queue that share it, one is
// delivered at a time over all processes, in the order of dispatch, whatever their priorities. A delayed or requeued one delays
// those behind it.
const (
	// MetadataPriority is a whole number. Transactions with a higher priority are delivered first. Default 0.
	MetadataPriority = queueitem.MetadataPriority
	// MetadataDeliverAt is the earliest time of delivery, in the format of RFC 3339.
	MetadataDeliverAt = queueitem.MetadataDeliverAt
)

// item is a transaction as it is stored.
type item struct {
	queueitem.Item

	of *ergon.Transaction // whose batch is the caller's
	at int                // in that batch
}

// encode returns why a transaction cannot be stored, which no other attempt will change.
func encode(t ergon.Transaction, most int) (item, error) {
	it, err := queueitem.Encode(t, most)
	if err != nil {
		return item{}, ergon.Permanent(fmt.Errorf("transaction %s: %w", t.ID(), err))
	}
	return item{Item: it}, nil
}
