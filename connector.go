package ergon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// Fetcher is a source of transactions. The loop makes one call at a time, except that it goes on without one that ignores
// its context; then another may overlap with it.
type Fetcher interface {
	// FetchTransactions returns up to limit transactions (limit ≥ 1), waiting a little for the first one where the source
	// can. None and no error means empty for now. ErrExhausted, alone or with the last transactions, means that a finite
	// source has ended. A record that cannot be read is delivered too, with an error as its payload: it then fails to decode
	// and is dead-lettered, while the loop goes on. The slice belongs to the caller.
	FetchTransactions(ctx context.Context, limit int) ([]Transaction, error)
}

// Dispatcher sends transactions to another system. It is safe for concurrent use.
type Dispatcher interface {
	// DispatchTransactions returns nil when all of batch is durable. A *BatchError names those that are not; with any
	// other error none is.
	DispatchTransactions(ctx context.Context, batch []Transaction) error
}

// Settler is a source that must be told what became of each transaction. It is safe for concurrent use.
type Settler interface {
	// SettleTransactions returns nil when all of batch is durable. A *BatchError names those that are not, with
	// ErrStaleDelivery for a delivery that is no longer the engine's; with any other error none is. The batch is the
	// engine's memory, which is used again: a Settler keeps nothing of it.
	SettleTransactions(ctx context.Context, batch []Settlement) error
}

// LeaseKeeper is a source whose deliveries expire unless they are extended.
type LeaseKeeper interface {
	// LeaseDuration is how long a delivery is the engine's after a fetch or an extension.
	LeaseDuration() time.Duration
	// ExtendLeases extends the leases of batch. A *BatchError names those that are lost.
	ExtendLeases(ctx context.Context, batch []Transaction) error
}

// Resolver finds a transaction by its id.
type Resolver interface {
	// FetchTransactionByID returns ErrNotFound where there is none; it never makes one up.
	FetchTransactionByID(ctx context.Context, id string) (Transaction, error)
}

// Counter knows how many transactions wait.
type Counter interface {
	// CountTransactions returns how many transactions a new loop would fetch.
	CountTransactions(ctx context.Context) (int64, error)
}

// Opener is a connector or service that is opened before the task is made.
type Opener interface {
	// Open is called once. After a failed Open, Close is called all the same.
	Open(ctx context.Context) error
}

// Closer is a connector or service that is closed in the end, connectors before services, each in the reverse order of
// opening.
type Closer interface {
	Close(ctx context.Context) error
}

// Settlement is what became of one delivery.
type Settlement struct {
	Transaction Transaction
	Action      policy.SettleAction
	// Delay is how long a requeued transaction is held back.
	Delay time.Duration
	// Interrupted is set for a transaction that is given back unprocessed: a source that counts deliveries does not count
	// this one.
	Interrupted bool
}

// BatchError names the items of a batch that failed; the others succeeded.
type BatchError struct {
	// Failures holds an error for each failed item, by its index in the batch.
	Failures map[int]error
}

func (e *BatchError) Error() string {
	keys := slices.Sorted(maps.Keys(e.Failures))
	if len(keys) == 0 {
		return "no item of the batch failed"
	}
	return fmt.Sprintf("%d items of the batch failed, the first is item %d: %v", len(keys), keys[0], e.Failures[keys[0]])
}

// Unwrap returns the errors in the order of their items.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, 0, len(e.Failures))
	for _, k := range slices.Sorted(maps.Keys(e.Failures)) {
		errs = append(errs, e.Failures[k])
	}
	return errs
}

var (
	// ErrExhausted is returned by a Fetcher whose source has ended for good.
	ErrExhausted = errors.New("source exhausted")
	// ErrStaleDelivery is a delivery that the source has taken back: it will be, or has been, delivered again.
	ErrStaleDelivery = errors.New("stale delivery: the source has taken the transaction back")
	// ErrNotFound is returned by a Resolver for an id that it does not have.
	ErrNotFound = errors.New("transaction not found")
)
