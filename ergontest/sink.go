package ergontest

import (
	"context"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
)

// Sink is a dispatcher that keeps what it is given. The zero value is ready, and safe for concurrent use.
type Sink struct {
	// Script says how its calls end. A step that fails with a *ergon.BatchError fails those transactions only. Default nil:
	// every call succeeds.
	Script *Script

	mu   sync.Mutex
	kept []ergon.Transaction
}

var _ ergon.Dispatcher = (*Sink)(nil)

// DispatchTransactions keeps batch, or what its script leaves of it.
func (s *Sink) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	err := s.Script.Next(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, durable(batch, err)...)
	return err
}

// Transactions returns what was dispatched successfully, in that order.
func (s *Sink) Transactions() []ergon.Transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept)
}

// Payloads returns the payloads of Transactions.
func (s *Sink) Payloads() []any {
	kept := s.Transactions()
	payloads := make([]any, len(kept))
	for i, tx := range kept {
		payloads[i] = tx.Payload()
	}
	return payloads
}
