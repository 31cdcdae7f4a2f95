package postgres

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

var (
	_ ergon.Dispatcher   = (*DeadLetters)(nil)
	_ capability.Counter = (*DeadLetters)(nil)
	_ capability.Prober  = (*DeadLetters)(nil)
	_ ergon.Opener       = (*DeadLetters)(nil)
	_ ergon.Closer       = (*DeadLetters)(nil)
	_ deadletter.Store   = (*DeadLetters)(nil)
	_ deadletter.Editor  = (*DeadLetters)(nil)
)

// DeadLetters is the store of dead letters in a schema. Its methods are safe for concurrent use, by any number of processes.
type DeadLetters struct {
	database
}

// NewDeadLetters returns a store that is not open yet. If the settings are invalid, the error has every fault, each a *policy.Fault.
func NewDeadLetters(s DeadLettersSettings) (*DeadLetters, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &DeadLetters{database{what: "postgres dead letters", config: s.DatabaseConfig}}, nil
}

// Open connects as [Queue.Open] does.
func (d *DeadLetters) Open(ctx context.Context) error { return d.open(ctx) }

// Close closes the connections, unless another connector of this process uses them. If the store is not open, it does nothing.
func (d *DeadLetters) Close(ctx context.Context) error { return d.close(ctx) }

// Probe returns why Open would fail. It connects and changes nothing.
func (d *DeadLetters) Probe(ctx context.Context) error { return d.probe(ctx) }

// DispatchTransactions stores dead letters, all in one SQL transaction, and returns nil when they are durable. Each payload must be a
// [deadletter.Record]. A *BatchError names the letters that can never be stored. If a queue in the same schema delivered the
// transaction, the letter can be requeued to it. An item of a queue has one letter: if it fails again, the new letter replaces the old
// one.
func (d *DeadLetters) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	letters, failures := d.encode(batch)
	if len(letters) > 0 {
		err := d.write(ctx, "write", func(ctx context.Context, t *tx) error {
			if err := t.findSources(ctx, letters); err != nil {
				return err
			}
			for i := range letters {
				if err := t.addLetter(ctx, &letters[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return failures.err()
}

func (d *DeadLetters) encode(batch []ergon.Transaction) ([]letter, failures) {
	var failed failures
	letters := make([]letter, 0, len(batch))
	for i := range batch {
		l, err := d.encodeLetter(batch[i])
		if err != nil {
			failed.add(i, ergon.Permanent(fmt.Errorf("%s: transaction %s: %w", d.what, shortened(batch[i].ID()), err)))
			continue
		}
		letters = append(letters, l)
	}
	return letters, failed
}

// CountTransactions returns the number of letters.
func (d *DeadLetters) CountTransactions(ctx context.Context) (n int64, err error) {
	err = d.use(ctx, "count", func(ctx context.Context, s *store) error {
		return s.pool.QueryRow(ctx, s.sql("SELECT count(*) FROM {dead_letters}")).Scan(&n)
	})
	return n, err
}
