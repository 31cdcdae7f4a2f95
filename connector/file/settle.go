package file

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// SettleTransactions acknowledges or requeues records. This source, or the next run, delivers a requeued record again after its
// delay. A file cannot keep rejected records: policy.SettleReject fails with errors.ErrUnsupported. A *BatchError names the
// deliveries that were not settled, with capability.ErrStaleDelivery for those that were settled before.
//
// An acknowledgement is written to the checkpoint after CheckpointEvery further acknowledgements, or after CheckpointInterval. If
// the checkpoint cannot be written, the next call tries again first. It settles nothing if this fails again.
func (s *Source) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	if ctx.Err() != nil {
		return fmt.Errorf("file source: settle %d transactions: %w", len(batch), context.Cause(ctx))
	}
	if err := s.opened(); err != nil {
		return err
	}
	if s.saver != nil {
		if err := s.saver.healthy(); err != nil {
			return prefixed(err)
		}
	}
	failures := s.settleAll(batch)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	if s.saver != nil {
		s.saver.note()
	}
	if len(failures) > 0 {
		return &ergon.BatchError{Failures: failures}
	}
	return nil
}

func (s *Source) settleAll(batch []capability.Settlement) map[int]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failures map[int]error
	for i := range batch {
		if err := s.settle(&batch[i]); err != nil {
			if failures == nil {
				failures = map[int]error{}
			}
			failures[i] = fmt.Errorf("file source: transaction %s: %w", batch[i].Transaction.ID(), err)
		}
	}
	return failures
}

var (
	errForeign = errors.New("was not delivered by this source")
	errReject  = fmt.Errorf("a file has no place for rejected records, give the loop a dead-letter connector: %w", errors.ErrUnsupported)
)

func (s *Source) settle(settlement *capability.Settlement) error {
	r, ok := settlement.Transaction.Delivery().Receipt.(*receipt)
	switch {
	case !ok || r.source != s:
		return errForeign
	case settlement.Action == policy.SettleReject:
		return errReject
	case r.looked:
		return nil
	case !s.window.current(r):
		return capability.ErrStaleDelivery
	case settlement.Action == policy.SettleRequeue:
		next := r.again(settlement)
		s.window.replace(r, next)
		s.requeued.put(next)
		return nil
	default:
		s.window.settle(r)
		r.release()
		return nil
	}
}
