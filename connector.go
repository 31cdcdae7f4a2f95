package ergon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Fetcher is a source of transactions. The loop makes one call at a time. If a call ignores its context, the loop continues
// without it, and the next call may overlap with it.
type Fetcher interface {
	// FetchTransactions returns up to limit transactions (limit ≥ 1). If the source can, it waits a little for the first one. No
	// transaction and no error means that the source is empty for now. ErrExhausted, alone or with the last transactions, means
	// that a finite source has ended. A record that cannot be read is delivered as well, with an error as its payload. It then
	// fails to decode and is dead-lettered, and the loop continues. The caller owns the slice.
	//
	// When ctx ends, the call ends within 5 seconds, and nothing that the source handed out is forgotten: either the request took
	// nothing, or the call returns what it brought, with a nil error. The loop gives that back at once. A connector that cannot
	// tell what a cancelled request took lets the request finish under a context of its own.
	FetchTransactions(ctx context.Context, limit int) ([]Transaction, error)
}

// Dispatcher sends transactions to another system. It is safe for concurrent use.
type Dispatcher interface {
	// DispatchTransactions returns nil if all of batch is durable. A *BatchError names the items that are not. With any other error
	// none is durable.
	DispatchTransactions(ctx context.Context, batch []Transaction) error
}

// Opener is a connector or service that is opened before the task is made.
type Opener interface {
	// Open is called once. After a failed Open, Close is called as well.
	Open(ctx context.Context) error
}

// Closer is a connector or service that is closed at the end: connectors before services, each in the reverse order of opening.
type Closer interface {
	Close(ctx context.Context) error
}

// BatchError names the items of a batch that failed. The other items succeeded.
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

// ErrExhausted is the error of a [Fetcher] whose source will never deliver another transaction.
var ErrExhausted = errors.New("source exhausted")
