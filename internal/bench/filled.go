package bench

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
)

// filled is a queue into which as many transactions are dispatched as are about to be fetched, so that any number goes
// through it in constant memory.
type filled struct {
	*memory.Queue

	from *memory.Generator
	left int // not dispatched yet
}

var (
	_ ergon.Fetcher      = (*filled)(nil)
	_ capability.Settler = (*filled)(nil)
)

func (f *filled) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if n := min(limit, f.left); n > 0 {
		batch, err := f.from.FetchTransactions(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("make transactions: %w", err)
		}
		if err := f.DispatchTransactions(ctx, batch); err != nil {
			return nil, fmt.Errorf("fill the queue: %w", err)
		}
		f.left -= len(batch)
	}
	return f.Queue.FetchTransactions(ctx, limit)
}
