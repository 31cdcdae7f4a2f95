package ergontest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// source delivers what a run was given. A fetch waits for what is to be delivered again, and the source is exhausted when
// there is nothing more of that.
type source struct {
	begin         time.Time
	maxDeliveries int

	mu       sync.Mutex
	waiting  []*delivery
	inFlight int
	settled  []Settlement
	changed  chan struct{} // notified of each settlement
}

// delivery is the receipt of one.
type delivery struct {
	transaction ergon.Transaction
	count       int
	due         time.Time
	settled     bool
}

var (
	_ ergon.Fetcher      = (*source)(nil)
	_ capability.Settler = (*source)(nil)
	_ capability.Counter = (*source)(nil)
)

func newSource(transactions []ergon.Transaction, maxDeliveries int, begin time.Time) (*source, error) {
	s := &source{begin: begin, maxDeliveries: maxDeliveries, changed: make(chan struct{}, 1)}
	given := map[string]bool{}
	for _, tx := range transactions {
		if given[tx.ID()] {
			return nil, fmt.Errorf("transaction %q was given twice; give each a different id, so that a report can distinguish them", tx.ID())
		}
		given[tx.ID()] = true
		s.waiting = append(s.waiting, &delivery{transaction: tx, count: 1})
	}
	return s, nil
}

func (s *source) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	for {
		batch, wait, err := s.take(limit, time.Now())
		if len(batch) > 0 || err != nil {
			return batch, err
		}
		if deadline, ok := ctx.Deadline(); ok {
			wait = min(wait, time.Until(deadline)/2)
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.changed:
		case <-timer.C:
			batch, _, err := s.take(limit, time.Now())
			return batch, err
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
		timer.Stop()
	}
}

// take returns what is due, or how long there is nothing.
func (s *source) take(limit int, now time.Time) ([]ergon.Transaction, time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := time.Hour
	var batch []ergon.Transaction
	s.waiting = slices.DeleteFunc(s.waiting, func(d *delivery) bool {
		if d.due.After(now) || len(batch) == limit {
			wait = min(wait, d.due.Sub(now))
			return false
		}
		s.inFlight++
		batch = append(batch, d.transaction.WithDelivery(ergon.Delivery{Receipt: d, Count: d.count, EnqueuedAt: s.begin}))
		return true
	})
	if len(batch) == 0 && len(s.waiting) == 0 && s.inFlight == 0 {
		return nil, 0, ergon.ErrExhausted
	}
	return batch, wait, nil
}

func (s *source) SettleTransactions(_ context.Context, batch []capability.Settlement) error {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	failures := map[int]error{}
	for i, settlement := range batch {
		d, ok := settlement.Transaction.Delivery().Receipt.(*delivery)
		switch {
		case !ok:
			failures[i] = errors.New("the transaction did not come from the rig")
		case d.settled:
			failures[i] = capability.ErrStaleDelivery
		default:
			s.settle(d, settlement, now)
		}
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
	if len(failures) > 0 {
		return &ergon.BatchError{Failures: failures}
	}
	return nil
}

func (s *source) settle(d *delivery, settlement capability.Settlement, now time.Time) {
	d.settled = true
	s.inFlight--
	s.settled = append(s.settled, Settlement{Settlement: settlement, At: now.Sub(s.begin)})
	if settlement.Action != policy.SettleRequeue {
		return
	}
	again := &delivery{transaction: d.transaction, count: d.count + 1, due: now.Add(settlement.Delay)}
	if settlement.Interrupted {
		again.count = d.count
	}
	if again.count <= s.maxDeliveries {
		s.waiting = append(s.waiting, again)
	}
}

// CountTransactions returns the number of transactions that are held back, so the loop does not end before they are delivered.
func (s *source) CountTransactions(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.waiting)), nil
}

func (s *source) settlements() []Settlement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.settled)
}
