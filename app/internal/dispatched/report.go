// Package dispatched counts what connectors report of dispatched transactions: duplicates and conflicts.
package dispatched

import (
	"context"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/humanize"
)

// Report counts the results of dispatches. It is safe for concurrent use.
type Report struct {
	mu         sync.Mutex
	Duplicates int
	Conflicts  []ergon.Transaction
}

// Listen returns a context for dispatches that are counted.
func (t *Report) Listen(ctx context.Context) context.Context {
	return capability.WithDispatchReport(ctx, func(tx ergon.Transaction, result capability.DispatchResult) {
		t.mu.Lock()
		defer t.mu.Unlock()
		switch result {
		case capability.Duplicate:
			t.Duplicates++
		case capability.Conflict:
			t.Conflicts = append(t.Conflicts, tx)
		case capability.Diverged: // stored
		}
	})
}

// HasConflict reports whether this arrival was refused as a conflict.
func (t *Report) HasConflict(tx ergon.Transaction) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, other := range t.Conflicts {
		if other.ID() == tx.ID() && other.Arrival() == tx.Arrival() {
			return true
		}
	}
	return false
}

// Enqueued writes the result of transactions, n of which were stored: "2 enqueued, 1 known already".
func (t *Report) Enqueued(n int) string {
	if t.Duplicates == 0 && len(t.Conflicts) == 0 {
		return humanize.Plural(n, "transaction") + " enqueued"
	}
	text := humanize.Count(n) + " enqueued"
	if t.Duplicates > 0 {
		text += ", " + humanize.Count(t.Duplicates) + " known already"
	}
	if len(t.Conflicts) > 0 {
		text += ", " + humanize.Plural(len(t.Conflicts), "conflict")
	}
	return text
}
