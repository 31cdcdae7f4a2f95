package app

import (
	"context"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/humanize"
)

// tally counts what a connector reports of what is dispatched to it. For any number of goroutines.
type tally struct {
	mu       sync.Mutex
	known    int
	conflict []ergon.Transaction
}

// listen returns a context whose dispatches are counted.
func (t *tally) listen(ctx context.Context) context.Context {
	return capability.WithDispatchReport(ctx, func(tx ergon.Transaction, result capability.DispatchResult) {
		t.mu.Lock()
		defer t.mu.Unlock()
		switch result {
		case capability.Duplicate:
			t.known++
		case capability.Conflict:
			t.conflict = append(t.conflict, tx)
		case capability.Diverged: // it is stored
		}
	})
}

// conflicts tells whether this arrival is known with other content.
func (t *tally) conflicts(tx ergon.Transaction) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, other := range t.conflict {
		if other.ID() == tx.ID() && other.Arrival() == tx.Arrival() {
			return true
		}
	}
	return false
}

// enqueued says what became of transactions of which n were stored: "2 enqueued, 1 known already".
func (t *tally) enqueued(n int) string {
	if t.known == 0 && len(t.conflict) == 0 {
		return humanize.Plural(n, "transaction") + " enqueued"
	}
	text := humanize.Count(n) + " enqueued"
	if t.known > 0 {
		text += ", " + humanize.Count(t.known) + " known already"
	}
	if len(t.conflict) > 0 {
		text += ", " + humanize.Count(len(t.conflict)) + " known with other content"
	}
	return text
}
