package pipeline

import (
	"errors"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/coalesce"
)

// collector takes what an attempt to prepare an outbound transaction dispatches to the source's store [B3]. Each attempt has its own,
// so that nothing of one that was given up becomes durable.
type collector struct {
	tx  *ergon.Transaction // the outbound transaction
	hop *hop               // nil: nothing is collected

	mu      sync.Mutex // guards what follows: a handler may dispatch from several goroutines
	outputs []capability.Output
	taken   bool // the attempt has returned
}

var _ coalesce.Collector = (*collector)(nil)

// Store is the loop's source, if it can hop.
func (c *collector) Store() coalesce.Store {
	if c.hop == nil {
		return nil
	}
	return c.hop
}

// Derive returns batch in which what has the id of the outbound transaction that is prepared is known to have a derived one,
// also where the handler made it anew.
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

// Collect takes batch as an output, unless the attempt has returned.
func (c *collector) Collect(to ergon.Dispatcher, batch []ergon.Transaction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken {
		return errors.New("not dispatched: the attempt that it belongs to has returned")
	}
	c.outputs = append(c.outputs, capability.Output{To: to, Transactions: slices.Clone(batch)})
	return nil
}

// take returns what was collected; from then on nothing is.
func (c *collector) take() []capability.Output {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = true
	return c.outputs
}
