package connectortest

import (
	"context"
	"errors"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

func settleRules() []rule {
	fetchAndSettle := []need{fetches(), settles()}
	return []rule{
		{
			name: "AckRemoves", needs: fetchAndSettle, check: ackRemoves,
			why: "an acknowledged transaction is done. If it were delivered again, it would be done twice.",
		},
		{
			name: "RequeueDeliversAgain", needs: fetchAndSettle, check: requeueDeliversAgain,
			why: "a requeued transaction that is not delivered again is lost.",
		},
		{
			name: "RequeueHoldsBackForItsDelay", needs: fetchAndSettle, check: requeueHoldsBack,
			why: "the delay is a backoff. Without it the loop would process a failing transaction again and again without a pause.",
		},
		{
			name: "DeliveriesAreCounted", needs: fetchAndSettle, check: deliveriesAreCounted,
			why: "the engine recognises a poison transaction by its count. Declare Uncounted if the source does not count.",
		},
		{
			name: "InterruptedIsNotCounted", needs: fetchAndSettle, check: interruptedIsNotCounted,
			why: "a restart is not a failure. A transaction must not use up its deliveries because its workers were stopped.",
		},
		{
			name: "RejectKeepsAside", needs: fetchAndSettle, check: rejectKeepsAside,
			why: "a rejected transaction must not be delivered again, because it would fail for ever. An error that does not wrap " +
				"errors.ErrUnsupported is retried.",
		},
		{
			name: "SettlingTwiceIsStale", needs: fetchAndSettle, check: settlingTwiceIsStale,
			why: "ErrStaleDelivery tells the engine that it no longer owns the delivery. It would retry any other error.",
		},
		{
			name: "StaleDeliverySettlesNothing", needs: fetchAndSettle, check: staleSettlesNothing,
			why: "a late acknowledgement must not remove a transaction that another worker has. If that worker failed, it would be lost.",
		},
		{
			name: "SettlementsFailOneByOne", needs: fetchAndSettle, check: settlementsFailOneByOne,
			why: "the engine repeats the settlements that a *BatchError names, and takes the others for done.",
		},
		{
			name: "ForeignTransactionIsRefused", needs: []need{settles()}, check: foreignIsRefused,
			why: "settling a foreign transaction is a mistake in a program. It must get an error; a panic or a success would hide the mistake.",
		},
		{
			name: "SettlerKeepsNothingOfTheBatch", needs: fetchAndSettle, check: settlerKeepsNothing,
			why: "the engine owns the memory of the batch and uses it again for the next one.",
		},
		{
			name: "SettleRespectsItsContext", needs: fetchAndSettle, check: settleRespectsItsContext,
			why: "shutdown waits for settlements, within its own limit. An unsettled transaction must not count as settled.",
		},
	}
}

func ackRemoves(p *probe) {
	holds := numbered(3)
	s := p.holding(holds...)
	got := s.fetchAll(3)
	s.ack(got[0], got[1])
	s.settle(requeue(), got[2])
	s.wantNext("after two of three were acknowledged", got[2:])
	if keeper, ok := capability.As[capability.LeaseKeeper](s.value); ok {
		s.pass(2 * keeper.LeaseDuration())
		s.wantNext("after all leases have run out", got[2:])
	}
}

func requeueDeliversAgain(p *probe) {
	holds := numbered(2)
	s := p.holding(holds...)
	for range 3 {
		s.settle(requeue(), s.fetchAll(2)...)
	}
	s.wantNext("after three requeues", holds)
}

func requeueHoldsBack(p *probe) {
	const delay = 200 * time.Millisecond
	s := p.holding(numbered(1)...)
	later := requeue()
	later.Delay = delay
	begin := time.Now()
	s.settle(later, s.fetchAll(1)...)
	if s.isExact() {
		s.pass(delay / 2)
	}
	// A source that waits for what comes may have waited until it was due.
	if batch := s.fetch(1); len(batch) > 0 && s.store.Pass == nil && time.Since(begin) >= delay {
		return
	} else if len(batch) > 0 {
		p.fatalf("requeued with a delay of %v: delivered after %v", delay, time.Since(begin))
	}
	s.pass(delay)
	s.fetchOne("requeued with a delay that is over")
}

func deliveriesAreCounted(p *probe) {
	if p.harness.Uncounted {
		p.skipf("declared Uncounted")
	}
	s := p.holding(numbered(1)...)
	for want := 1; want <= 3; want++ {
		tx := s.fetchOne("fetching what was requeued")
		if got := tx.Delivery().Count; got != want {
			p.fatalf("delivery %d says that it is number %d", want, got)
		}
		s.settle(requeue(), tx)
	}
}

func interruptedIsNotCounted(p *probe) {
	if p.harness.Uncounted {
		p.skipf("declared Uncounted")
	}
	s := p.holding(numbered(1)...)
	s.settle(requeue(), s.fetchOne("fetching"))
	for range 3 {
		tx := s.fetchOne("fetching the requeued transaction")
		if got := tx.Delivery().Count; got != 2 {
			p.fatalf("got delivery %d, want 2: what was interrupted does not count", got)
		}
		s.settle(interrupted(), tx)
	}
}

func rejectKeepsAside(p *probe) {
	s := p.holding(numbered(1)...)
	tx := s.fetchOne("fetching")
	err := s.trySettle(capability.Settlement{Action: policy.SettleReject}, tx)
	if !p.harness.NoReject {
		if err != nil {
			p.fatalf("reject: %v", err)
		}
		s.wantNothing("after it was rejected")
		return
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		p.fatalf("reject: got %v, want an error that wraps errors.ErrUnsupported", err)
	}
	s.ack(tx) // it is still ours
}

func settlingTwiceIsStale(p *probe) {
	s := p.holding(numbered(2)...)
	got := s.fetchAll(2)
	s.ack(got[0])
	p.wantFailures("acknowledged, then acknowledged", s.trySettle(ack(), got[0]), true, 0)
	s.settle(requeue(), got[1])
	p.wantFailures("requeued, then acknowledged", s.trySettle(ack(), got[1]), true, 0)
	p.wantFailures("acknowledged, then requeued", s.trySettle(requeue(), got[0]), true, 0)
}

func staleSettlesNothing(p *probe) {
	holds := numbered(1)
	s := p.holding(holds...)
	old := s.fetchOne("fetching")
	s.settle(requeue(), old)
	current := s.fetchOne("fetching what was requeued")
	p.wantFailures("the first delivery, acknowledged during the second", s.trySettle(ack(), old), true, 0)
	p.wantFailures("the first delivery, requeued during the second", s.trySettle(requeue(), old), true, 0)
	s.wantNothing("while the second delivery is in flight")
	s.settle(requeue(), current)
	s.wantNext("after the second delivery was requeued", holds)
}

func settlementsFailOneByOne(p *probe) {
	holds := numbered(3)
	s := p.holding(holds...)
	got := s.fetchAll(3)
	s.ack(got[1])
	p.wantFailures("a batch of which one is stale", s.trySettlements([]capability.Settlement{
		{Transaction: got[0], Action: policy.SettleAck},
		{Transaction: got[1], Action: policy.SettleAck},
		{Transaction: got[2], Action: policy.SettleRequeue},
	}), true, 1)
	s.wantNext("after a batch of which one was stale", got[2:])
	if err := s.trySettle(ack()); err != nil {
		p.errorf("an empty batch: %v", err)
	}
}

func foreignIsRefused(p *probe) {
	s := p.holding(numbered(1)...)
	foreign := ergon.NewTransaction("t-1", nil)
	if err := s.trySettle(ack(), foreign); err == nil {
		p.errorf("a transaction that was never delivered could be acknowledged")
	}
	type receipt struct{}
	if err := s.trySettle(ack(), foreign.WithDelivery(ergon.Delivery{Receipt: receipt{}})); err == nil {
		p.errorf("a delivery of another connector could be acknowledged")
	}
}

func settlerKeepsNothing(p *probe) {
	holds := numbered(4)
	s := p.holding(holds...)
	got := s.fetchAll(4)
	batch := []capability.Settlement{
		{Transaction: got[0], Action: policy.SettleRequeue}, {Transaction: got[1], Action: policy.SettleRequeue},
	}
	if err := s.trySettlements(batch); err != nil {
		p.fatalf("requeue: %v", err)
	}
	batch[0], batch[1] = capability.Settlement{Transaction: got[2]}, capability.Settlement{Transaction: got[3]}
	s.wantNext("requeued, and the batch overwritten", got[:2])
}

func settleRespectsItsContext(p *probe) {
	s := p.holding(numbered(1)...)
	tx := s.fetchOne("fetching")
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	var err error
	p.returns("SettleTransactions with a context that has ended", func(context.Context) {
		settler := as[capability.Settler](s)
		err = settler.SettleTransactions(ended, []capability.Settlement{{Transaction: tx, Action: policy.SettleAck}})
	})
	again := s.trySettle(ack(), tx)
	switch {
	case err == nil && !errors.Is(again, capability.ErrStaleDelivery):
		p.errorf("it returned nil, but the delivery was not settled: settling it again returned %v", again)
	case err != nil && again != nil:
		p.errorf("it returned %v, but settling again returned %v: was it settled or not?", err, again)
	}
}
