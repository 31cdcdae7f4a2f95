package connectortest

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func hopRules() []rule {
	hopping := []need{fetches(), settles(), hops()}
	return []rule{
		{
			name: "HopSharesOnlyItsStore", needs: hopping, check: hopSharesOnlyItsStore,
			why: "the engine puts into a hop what the source says it can make durable together. A wrong yes loses outputs, a wrong no is slow.",
		},
		{
			name: "HopSettlesAndDispatches", needs: hopping, check: hopSettlesAndDispatches,
			why: "after a hop the delivery is settled once, and each output is in its queue once.",
		},
		{
			name: "StaleHopWritesNothing", needs: hopping, check: staleHopWritesNothing,
			why: "another worker has the delivery by then and writes the same outputs. Together the outputs would be there twice.",
		},
		{
			name: "HopsFailOneByOne", needs: hopping, check: hopsFailOneByOne,
			why: "the engine takes hops that a *BatchError does not name for done, and repeats the others.",
		},
		{
			name: "HopIsAllOrNothing", needs: hopping, check: hopIsAllOrNothing,
			why: "if an output is refused, the delivery stays unsettled, and the next attempt writes all of its outputs.",
		},
	}
}

// elsewhere is a dispatcher that shares a store with nobody.
type elsewhere struct{}

var _ ergon.Dispatcher = elsewhere{}

func (elsewhere) DispatchTransactions(context.Context, []ergon.Transaction) error { return nil }

func (s *subject) tryHop(batch ...capability.Hop) (err error) {
	s.returns("HopTransactions", func(ctx context.Context) {
		err = as[capability.Hopper](s).HopTransactions(ctx, batch)
	})
	return err
}

// hopOf is an acknowledgement of tx with outputs to one queue.
func hopOf(tx ergon.Transaction, to *subject, outputs ...ergon.Transaction) capability.Hop {
	dispatcher := as[ergon.Dispatcher](to)
	hop := capability.Hop{Settlement: ack(), Outputs: []capability.Output{{To: dispatcher, Transactions: outputs}}}
	hop.Settlement.Transaction = tx
	return hop
}

func outputsOf(n int) []ergon.Transaction {
	made := numbered(n)
	for i := range made {
		made[i] = ergon.NewTransaction("out-"+made[i].ID(), []byte(`{"out":`+text(made[i])+`}`))
	}
	return made
}

func hopSharesOnlyItsStore(p *probe) {
	s := p.holding()
	to := s.otherQueue()
	hopper := as[capability.Hopper](s)
	if !hopper.SharesStore(as[ergon.Dispatcher](to)) {
		p.errorf("it does not share its store with the other queue")
	}
	if hopper.SharesStore(elsewhere{}) {
		p.errorf("it shares its store with a dispatcher that has none")
	}
	other := p.holding()
	if hopper.SharesStore(as[ergon.Dispatcher](other)) {
		p.errorf("it shares its store with a connector to another one")
	}
}

func hopSettlesAndDispatches(p *probe) {
	s := p.holding(numbered(2)...)
	to, outputs := s.otherQueue(), outputsOf(3)
	got := s.fetchAll(2)
	hop := hopOf(got[0], to, outputs[:1]...)
	hop.Outputs = append(hop.Outputs, hopOf(got[0], to, outputs[1:]...).Outputs...)
	none := capability.Hop{Settlement: ack()}
	none.Settlement.Transaction = got[1]
	if err := s.tryHop(hop, none); err != nil {
		p.fatalf("HopTransactions: %v", err)
	}
	to.wantNext("in the queue that the outputs went to", outputs)
	s.wantNothing("after the hop acknowledged")
	p.wantFailures("acknowledged after the hop", s.trySettle(ack(), got...), true, 0, 1)
}

func staleHopWritesNothing(p *probe) {
	s := p.holding(numbered(1)...)
	to := s.otherQueue()
	old := s.fetchOne("fetching")
	s.settle(requeue(), old)
	current := s.fetchOne("fetching what was requeued")
	p.wantFailures("a hop of a stale delivery", s.tryHop(hopOf(old, to, outputsOf(1)...)), true, 0)
	to.wantNothing("after a hop of a stale delivery")
	if err := s.tryHop(hopOf(current, to, outputsOf(1)...)); err != nil {
		p.fatalf("a hop of the current delivery: %v", err)
	}
	to.wantNext("after the hop of the current delivery", outputsOf(1))
	p.wantFailures("the same hop again", s.tryHop(hopOf(current, to, outputsOf(1)...)), true, 0)
}

func hopsFailOneByOne(p *probe) {
	s := p.holding(numbered(3)...)
	to, outputs := s.otherQueue(), outputsOf(3)
	got := s.fetchAll(3)
	s.ack(got[1])
	err := s.tryHop(hopOf(got[0], to, outputs[0]), hopOf(got[1], to, outputs[1]), hopOf(got[2], to, outputs[2]))
	p.wantFailures("a batch of hops of which one is stale", err, true, 1)
	to.wantNext("in the queue that the outputs went to", []ergon.Transaction{outputs[0], outputs[2]})
}

func hopIsAllOrNothing(p *probe) {
	s := p.holding(numbered(2)...)
	if s.store.Refused == nil {
		p.skipf("the Store has nothing that would be Refused")
	}
	to, outputs := s.otherQueue(), outputsOf(2)
	got := s.fetchAll(2)
	err := s.tryHop(hopOf(got[0], to, outputs[0], s.store.Refused()), hopOf(got[1], to, outputs[1]))
	if err == nil {
		p.fatalf("a hop with an output that is to be refused succeeded")
	}
	written := to.fetch(10)
	for _, tx := range written {
		if text(tx) == text(outputs[0]) {
			p.errorf("an output was written although another one of its hop was refused (%v)", err)
		}
	}
	if err := s.trySettle(requeue(), got[0]); err != nil {
		p.errorf("the delivery whose hop failed cannot be settled any more: %v", err)
	}
}
