package queueitem

import (
	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// Replan makes an item arrive once more, as another generation: from names where it comes from. It is to be delivered at once.
// Metadata that cannot be read stays unchanged.
func (it *Item) Replan(metadata, from string) error {
	known, err := DecodeMetadata(metadata)
	if err != nil {
		return nil //nolint:nilerr // the delivery reports it
	}
	tx := TransactionOf(it.ID, nil, known)
	tx = tx.WithGeneration(tx.Generation() + 1).WithArrival(capability.NextArrival(tx, from))
	if it.Metadata, err = EncodeMetadata(MetadataOf(tx)); err != nil {
		return err
	}
	it.Arrival = tx.Arrival()
	delete(known, MetadataDeliverAt)
	if key := known[MetadataOrderingKey]; key != "" {
		it.Key = key
	}
	_ = it.Plan(known) // it was dispatched with it
	return nil
}

// ArrivalIn returns the arrival in stored metadata. Metadata that cannot be read has none.
func ArrivalIn(metadata string) string {
	known, _ := DecodeMetadata(metadata)
	return TransactionOf("", nil, known).Arrival()
}

// Delivered is an item as it is delivered or shown. Metadata that cannot be read makes its payload an error.
func Delivered(id, metadata string, payload []byte, d ergon.Delivery) ergon.Transaction {
	content := any(OrEmpty(payload))
	known, err := DecodeMetadata(metadata)
	if err != nil {
		content = damaged(id, err)
	}
	return TransactionOf(id, content, known).WithDelivery(d)
}
