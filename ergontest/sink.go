package ergontest

import (
	"context"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
)

// Sink is a dispatcher that keeps the transactions that it receives. The zero value is ready to use. It is safe for concurrent
// use.
type Sink struct {
	// Script sets the results of its calls. A step that fails with a *ergon.BatchError fails only those transactions. Default nil:
	// every call succeeds.
	Script *Script

	mu   sync.Mutex
	kept []ergon.Transaction
}

var _ ergon.Dispatcher = (*Sink)(nil)

// DispatchTransactions keeps the transactions of batch, except those for which its script fails.
func (s *Sink) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	err := s.Script.Next(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, durable(batch, err)...)
	return err
}

// Transactions returns the transactions that were dispatched successfully, in that order.
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
