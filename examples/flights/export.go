package main

import (
	"context"

	"github.com/ergon-go/ergon"
)

// Export writes claims into the ledger, which sorts them.
type Export struct{ Ledger ergon.Dispatcher }

// NewExport makes the task with the connector "ledger" of the configuration.
func NewExport(d *ergon.Dependencies) ergon.Task {
	return ergon.Consume(&Export{Ledger: ergon.UseConnector[ergon.Dispatcher](d, "ledger")})
}

// ProcessTransaction writes a claim.
func (e *Export) ProcessTransaction(ctx context.Context, claim ergon.TransactionOf[Claim]) (struct{}, error) {
	return struct{}{}, e.Ledger.DispatchTransactions(ctx, []ergon.Transaction{claim.Transaction})
}
