package ergontest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/foreign"
)

// letters keeps the dead letters of a run and hands them on to the connector that the rig has for them.
type letters struct {
	next ergon.Dispatcher // nil: there is none

	mu      sync.Mutex
	written []deadletter.Record
}

var _ ergon.Dispatcher = (*letters)(nil)

func (l *letters) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	var err error
	if l.next != nil {
		err = l.next.DispatchTransactions(ctx, batch)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tx := range durable(batch, err) {
		if record, ok := tx.Payload().(deadletter.Record); ok {
			l.written = append(l.written, record)
		}
	}
	return err
}

func (l *letters) all() []deadletter.Record {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.written)
}

// durable returns what of batch is durable when a dispatch of it returned err.
func durable(batch []ergon.Transaction, err error) []ergon.Transaction {
	if err == nil {
		return batch
	}
	partly, ok := errors.AsType[*ergon.BatchError](foreign.CheckBatch(err, len(batch)))
	if !ok {
		return nil
	}
	var those []ergon.Transaction
	for i, tx := range batch {
		if partly.Failures[i] == nil {
			those = append(those, tx)
		}
	}
	return those
}
