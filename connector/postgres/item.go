package postgres

import (
	"fmt"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/queueitem"
)

// Metadata that controls the delivery of a transaction. Like all metadata it is delivered with the transaction. The ordering key is
// the third kind, see [ergon.Transaction.WithOrderingKey]: of the transactions of one queue that share it, one is delivered at a time
// over all processes, in the order of dispatch, whatever their priorities. A delayed or requeued one delays those behind it.
const (
	// MetadataPriority is a whole number. Transactions with a higher priority are delivered first. Default 0. Every priority that a
	// queue has ever had costs each claim a little; use few.
	MetadataPriority = queueitem.MetadataPriority
	// MetadataDeliverAt is the earliest time of delivery, in the format of RFC 3339.
	MetadataDeliverAt = queueitem.MetadataDeliverAt
)

// maxName is the maximum size of an id and of an ordering key: with the other columns it must fit into an entry of an index.
const maxName = 1000

// item is a transaction as it is stored.
type item struct {
	queueitem.Item

	of *ergon.Transaction // whose batch is the caller's
	at int                // in that batch

	first *item // what was dispatched, if this is that under its alternate id
}

// encode returns why a transaction cannot be stored, which no other attempt will change.
func encode(t ergon.Transaction, most int) (item, error) {
	it, err := queueitem.Encode(t, most)
	if err == nil {
		err = checkNames(&it)
	}
	if err != nil {
		return item{}, ergon.Permanent(fmt.Errorf("transaction %s: %w", shortened(t.ID()), err))
	}
	return item{Item: it}, nil
}

func checkNames(it *queueitem.Item) error {
	if n := len(storable(it.ID)); n > maxName {
		return fmt.Errorf("its id has %d bytes as it is stored, more than %d; use a shorter one, such as a hash of it", n, maxName)
	}
	if n := len(storable(it.Arrival)); n > maxName {
		return fmt.Errorf("its arrival has %d bytes, more than %d", n, maxName)
	}
	if key, ok := it.Key.(string); ok && len(storable(key)) > maxName {
		return fmt.Errorf("its ordering key has %d bytes as it is stored, more than %d; use a shorter one, such as a hash of it",
			len(storable(key)), maxName)
	}
	if it.DeliverAt > farthest.UnixMicro() {
		return fmt.Errorf("its metadata has a %s after the year %d", MetadataDeliverAt, farthest.Year())
	}
	return nil
}

// farthest is a time that PostgreSQL can store with room to spare.
var farthest = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func shortened(id string) string {
	if len(id) > 100 {
		return id[:100] + "…"
	}
	return id
}

// isPlain tells whether one statement stores the item, if its id is not known.
func (it *item) isPlain() bool { return it.Key == nil && it.Arrival == "" }

func arePlain(items []item) bool {
	return !slices.ContainsFunc(items, func(it item) bool { return !it.isPlain() })
}

// deliverAt is the earliest time of delivery, or nil.
func (it *item) deliverAt() *time.Time {
	if it.DeliverAt == 0 {
		return nil
	}
	at := time.UnixMicro(it.DeliverAt)
	return &at
}

// alternate is the id for content that is not what the queue knows; "" for a transaction whose id is not derived.
func (it *item) alternate() string {
	if it.of == nil {
		return ""
	}
	return it.of.AlternateID(it.Digest.Content())
}
