package connectortest

import (
	"context"
	"errors"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// tryFetch is one call.
func (s *subject) tryFetch(limit int) (batch []ergon.Transaction, err error) {
	s.returns("FetchTransactions", func(ctx context.Context) {
		batch, err = as[ergon.Fetcher](s).FetchTransactions(ctx, limit)
	})
	return batch, err
}

// fetch is one call that must not fail; the end of a finite source is no failure.
func (s *subject) fetch(limit int) []ergon.Transaction {
	batch, err := s.tryFetch(limit)
	if err != nil && (!s.harness.Finite || !errors.Is(err, ergon.ErrExhausted)) {
		s.fatalf("FetchTransactions(%d): %v", limit, err)
	}
	return batch
}

// fetchAll fetches until it has n transactions, or nothing more comes.
func (s *subject) fetchAll(n int) []ergon.Transaction {
	var all []ergon.Transaction
	for empty := 0; len(all) < n && empty < maxPolls; {
		batch := s.fetch(n - len(all))
		all = append(all, batch...)
		if len(batch) == 0 {
			empty++
			s.pause()
		}
	}
	return all
}

// wantNext wants exactly these transactions to be delivered next, in any order, and returns them.
func (s *subject) wantNext(what string, want []ergon.Transaction) []ergon.Transaction {
	batch := s.fetchAll(len(want))
	s.wantSame(what, batch, want)
	s.wantNothing(what + ", and then")
	return batch
}

// fetchOne fetches the one transaction that must be there.
func (s *subject) fetchOne(what string) ergon.Transaction {
	batch := s.fetchAll(1)
	if len(batch) == 0 {
		s.fatalf("%s: nothing was delivered", what)
	}
	return batch[0]
}

// wantNothing wants a fetch that delivers nothing.
func (s *subject) wantNothing(when string) {
	if batch := s.fetch(10); len(batch) > 0 {
		s.fatalf("%s: got %s, want nothing", when, shown(texts(batch)))
	}
}

// trySettle is one call, which settles all of batch alike.
func (s *subject) trySettle(like capability.Settlement, batch ...ergon.Transaction) (err error) {
	settlements := make([]capability.Settlement, len(batch))
	for i, tx := range batch {
		settlements[i] = like
		settlements[i].Transaction = tx
	}
	return s.trySettlements(settlements)
}

func (s *subject) trySettlements(settlements []capability.Settlement) (err error) {
	s.returns("SettleTransactions", func(ctx context.Context) {
		err = as[capability.Settler](s).SettleTransactions(ctx, settlements)
	})
	return err
}

func (s *subject) settle(like capability.Settlement, batch ...ergon.Transaction) {
	if err := s.trySettle(like, batch...); err != nil {
		s.fatalf("SettleTransactions (%s): %v", like.Action, err)
	}
}

func (s *subject) ack(batch ...ergon.Transaction) { s.settle(ack(), batch...) }

func ack() capability.Settlement     { return capability.Settlement{Action: policy.SettleAck} }
func requeue() capability.Settlement { return capability.Settlement{Action: policy.SettleRequeue} }
func interrupted() capability.Settlement {
	return capability.Settlement{Action: policy.SettleRequeue, Interrupted: true}
}

func (s *subject) tryDispatch(batch ...ergon.Transaction) (err error) {
	s.returns("DispatchTransactions", func(ctx context.Context) {
		err = as[ergon.Dispatcher](s).DispatchTransactions(ctx, batch)
	})
	return err
}

func (s *subject) dispatch(batch ...ergon.Transaction) {
	if err := s.tryDispatch(batch...); err != nil {
		s.fatalf("DispatchTransactions of %d: %v", len(batch), err)
	}
}

func (s *subject) tryExtend(batch ...ergon.Transaction) (err error) {
	s.returns("ExtendLeases", func(ctx context.Context) {
		err = as[capability.LeaseKeeper](s).ExtendLeases(ctx, batch)
	})
	return err
}

func (s *subject) tryResolve(id string) (tx ergon.Transaction, err error) {
	s.returns("FetchTransactionByID", func(ctx context.Context) {
		tx, err = as[capability.Resolver](s).FetchTransactionByID(ctx, id)
	})
	return tx, err
}

func (s *subject) count() (n int64) {
	s.returns("CountTransactions", func(ctx context.Context) {
		var err error
		if n, err = as[capability.Counter](s).CountTransactions(ctx); err != nil {
			s.errorf("CountTransactions: %v", err)
		}
	})
	return n
}

// wantFailures wants a *BatchError for these items of a batch, and no others; each stale where stale is set.
func (p *probe) wantFailures(what string, err error, stale bool, items ...int) {
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok {
		p.fatalf("%s: got %v, want a *ergon.BatchError", what, err)
	}
	if len(failed.Failures) != len(items) {
		p.fatalf("%s: got failures of %d items (%v), want %d", what, len(failed.Failures), err, len(items))
	}
	for _, i := range items {
		switch failure := failed.Failures[i]; {
		case failure == nil:
			p.errorf("%s: item %d is not named as failed: %v", what, i, err)
		case stale && !errors.Is(failure, capability.ErrStaleDelivery):
			p.errorf("%s: item %d failed with %v, want capability.ErrStaleDelivery", what, i, failure)
		}
	}
}

// tryFetchBriefly is one call that may wait for d at most, so that nothing comes due meanwhile.
func (s *subject) tryFetchBriefly(d time.Duration) (batch []ergon.Transaction, err error) {
	s.returns("FetchTransactions", func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		batch, err = as[ergon.Fetcher](s).FetchTransactions(ctx, 1)
		if ctx.Err() != nil {
			err = nil
		}
	})
	return batch, err
}
