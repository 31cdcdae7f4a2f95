package memory

import (
	"time"

	"github.com/ergon-go/ergon"
)

// item is one transaction that the queue holds: waiting, given back, or in flight.
type item struct {
	transaction ergon.Transaction
	enqueuedAt  time.Time
	// due is when an item that was given back may be delivered again, and when the lease of one in flight runs out.
	due time.Time
	// place is its position in the order of dispatch, which it keeps when it is given back unprocessed.
	place uint64
	count int
	// delivery is the receipt of the delivery that may settle it; nil unless it is in flight.
	delivery *receipt

	previous, next *item
}

// receipt is one delivery of an item. It is stale once the item's delivery is another one.
type receipt struct {
	queue *Queue
	item  *item
}
