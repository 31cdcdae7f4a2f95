package memory

import (
	"time"

	"github.com/ergon-go/ergon"
)

// item is one transaction that the queue holds: waiting, given back, or in flight. Items are used again and again, so
// that a queue at work leaves nothing behind for the garbage collector but what it handed out.
type item struct {
	transaction ergon.Transaction
	enqueuedAt  time.Time
	// due is when an item that was requeued may be delivered again, and when the lease of one in flight runs out.
	due time.Time
	// heldUntil is when the longest hold of its delivery ends, where there is one.
	heldUntil time.Time
	// place is its position in the order of dispatch, which it keeps when it is requeued unprocessed.
	place uint64
	count int
	// key is its ordering key, where the queue keeps the order; "" for none.
	key string
	// delivery is the receipt of the delivery that may settle it; nil unless it is in flight.
	delivery *receipt
	queue    *Queue
	// memo is what the queue knows of its id; nil where it does not deduplicate.
	memo *memo

	previous, next *item
}

// receipt is one delivery of an item. It is stale once the item's delivery is another one.
type receipt struct{ item *item }

// keptItems is how many free items an empty queue keeps for later, about 2 MiB; more are let go.
const keptItems = 16_384

// pool holds the free items, linked through next.
type pool struct {
	first *item
	len   int
}

// reserve makes the pool hold n items at least.
func (p *pool) reserve(n int) {
	fresh := make([]item, max(n-p.len, 0))
	for i := range fresh {
		p.put(&fresh[i])
	}
}

// take removes a free item; there must be one.
func (p *pool) take() *item {
	it := p.first
	p.first, it.next = it.next, nil
	p.len--
	return it
}

// put frees an item and lets go of its transaction.
func (p *pool) put(it *item) {
	it.transaction, it.delivery, it.memo, it.key = ergon.Transaction{}, nil, nil, ""
	it.next = p.first
	p.first = it
	p.len++
}
