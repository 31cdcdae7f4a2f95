package pipeline

import (
	"errors"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/coalesce"
)

// collector collects what an attempt to prepare an outbound transaction dispatches to the source's store: the hop makes it durable
// later [B3]. Each attempt has its own, so nothing of an abandoned attempt becomes durable. Safe for concurrent use.
type collector struct {
	tx  *ergon.Transaction // the outbound transaction
	hop *hop               // nil: nothing is collected

	mu      sync.Mutex // guards outputs and taken: a handler may dispatch from several goroutines; a leaf
	outputs []capability.Output
	taken   bool // the attempt has returned
}

var _ coalesce.Collector = (*collector)(nil)

// Store returns the loop's source, or nil if it cannot hop.
func (c *collector) Store() coalesce.Store {
	if c.hop == nil {
		return nil
	}
	return c.hop
}

// Derive marks transactions that have the id of c.tx as derived if that id is. The mark is missing if the handler has made the
// transaction itself, with that id. It clones the batch if it changes it.
func (c *collector) Derive(batch []ergon.Transaction) []ergon.Transaction {
	if !c.tx.HasDerivedID() {
		return batch
	}
	cloned := false
	for i, tx := range batch {
		if tx.HasDerivedID() || tx.ID() != c.tx.ID() {
			continue
		}
		if !cloned {
			batch, cloned = slices.Clone(batch), true
		}
		batch[i] = tx.WithDerivedID(tx.ID())
	}
	return batch
}

// Collect adds batch to the outputs. It is an error after the attempt has returned.
func (c *collector) Collect(to ergon.Dispatcher, batch []ergon.Transaction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken {
		return errors.New("not dispatched: the attempt that it belongs to has returned")
	}
	c.outputs = append(c.outputs, capability.Output{To: to, Transactions: slices.Clone(batch)})
	return nil
}

// take returns the outputs. Collect is an error from then on.
func (c *collector) take() []capability.Output {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = true
	return c.outputs
}
