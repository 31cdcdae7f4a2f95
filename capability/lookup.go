package capability

import (
	"context"
	"errors"

	"github.com/ergon-go/ergon"
)

// ErrNotFound is the error of a [Resolver] for an id that it does not have.
var ErrNotFound = errors.New("transaction not found")

// Resolver finds a transaction by its id.
type Resolver interface {
	// FetchTransactionByID returns the transaction with that id, or ErrNotFound. It never returns an invented transaction.
	FetchTransactionByID(ctx context.Context, id string) (ergon.Transaction, error)
}

// Counter counts the transactions that wait in a source.
type Counter interface {
	// CountTransactions returns the number of transactions that a new loop would fetch.
	CountTransactions(ctx context.Context) (int64, error)
}
