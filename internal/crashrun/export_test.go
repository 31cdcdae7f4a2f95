package crashrun

import (
	"context"
	"errors"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// Undisturbed takes the whole setup through the pipeline and does no harm to it.
func (s Setup) Undisturbed(ctx context.Context) error {
	l, err := s.start(ctx)
	if err != nil {
		return err
	}
	a := &attempt{setup: s}
	_, err = a.finish(ctx, l, true)
	return err
}

// Accept has the ledger say that a transaction was accepted.
func (s Setup) Accept(id string) error { return s.ledger().add(id) }

// Put puts into a queue what work or sink makes of a transaction.
func (s Setup) Put(ctx context.Context, queue string, number, deliveries int) error {
	v, err := s.look(ctx)
	if err != nil {
		return err
	}
	made := ergon.NewTransaction("", request{Number: number, Deliveries: deliveries})
	err = v.queues[queue].DispatchTransactions(ctx, []ergon.Transaction{made})
	return errors.Join(err, v.close(ctx))
}

// Lose takes one out of a queue and returns its number.
func (s Setup) Lose(ctx context.Context, queue string) (int, error) {
	v, err := s.look(ctx)
	if err != nil {
		return 0, err
	}
	taken, err := v.queues[queue].FetchTransactions(ctx, 1)
	if err == nil {
		err = v.queues[queue].SettleTransactions(ctx, []capability.Settlement{{Transaction: taken[0]}})
	}
	var p request
	if err == nil {
		p, err = parcelOf(taken[0])
	}
	return p.Number, errors.Join(err, v.close(ctx))
}
