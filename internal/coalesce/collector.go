package coalesce

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/fence"
	"github.com/ergon-go/ergon/internal/tracecontext"
)

// CollectorKey is what the context of an attempt to prepare an outbound transaction answers with its [Collector] to.
type CollectorKey struct{}

// Collector takes what such an attempt dispatches to the store of its source, so that it becomes durable together with the
// acknowledgement of the inbound transaction, or not [B3].
type Collector interface {
	// Derive returns batch in which what has the id of the outbound transaction has a derived id, also if the handler made the
	// transaction anew.
	Derive(batch []ergon.Transaction) []ergon.Transaction
	// Store is that of the loop's source; nil if nothing is to be collected.
	Store() Store
	// Collect takes batch. It fails if the attempt has returned.
	Collect(to ergon.Dispatcher, batch []ergon.Transaction) error
}

// Store is a source that can settle and dispatch at once. It is compared with ==, and asked once for each loop.
type Store interface {
	// SharesStore reports whether to dispatches to the same store.
	SharesStore(to ergon.Dispatcher) bool
}

// collect hands batch to the collector. It is encoded together with the outputs of others, so its payloads are tried here [F1].
func (c *Coalescer) collect(ctx context.Context, attempt fence.Attempt, by Collector, batch []ergon.Transaction) error {
	if err := tryPayloads(attempt, batch); err != nil {
		return err
	}
	return by.Collect(c.to, tracecontext.InjectAll(ctx, batch))
}

// sharesStore asks a store and remembers the answer. It asks without the lock, because the store is not ours.
func (c *Coalescer) sharesStore(store Store) bool {
	if store == nil {
		return false
	}
	c.mu.Lock()
	asked, shares := c.store, c.shares
	c.mu.Unlock()
	if asked == store {
		return shares
	}
	shares = store.SharesStore(c.to)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store, c.shares = store, shares
	return shares
}
