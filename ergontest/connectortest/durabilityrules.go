package connectortest

import (
	"errors"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func declaresSettles(c capability.Certainty) need {
	return declares("source that declares Settles: "+string(c), func(d capability.Declaration) bool { return d.Settles == c })
}

// durabilityRules are about what a settlement means once the process or the server has failed, and who fences a late one [K6].
func durabilityRules() []rule {
	return []rule{
		{
			name: "ConfirmedSettlementIsDurable", needs: []need{fetches(), settles(), declaresSettles(capability.SettlesConfirmed)},
			check: confirmedIsDurable,
			why:   "the engine forgets what is settled. A restart must not deliver it again, unless the declaration says Settles: sent.",
		},
		{
			name: "SentSettlementIsAtMostRepeated", needs: []need{fetches(), settles(), declaresSettles(capability.SettlesSent)},
			check: sentIsAtMostRepeated,
			why:   "an acknowledgement that nobody confirms may be undone by a failure. What was not acknowledged must never be lost by it.",
		},
		{
			name: "EarlierConnectionSettlesNothing", needs: []need{fetches(), settles(), opens(), closes()}, check: earlierConnection,
			why: "a handler may end after its connection was replaced. Its old tag must not settle what the new connection delivers.",
		},
	}
}

// restarted acknowledges the first of three, ends the connector as a kill does, and returns another and what it delivers.
func restarted(p *probe) (acked ergon.Transaction, rest, delivered []ergon.Transaction) {
	s := p.holding(numbered(3)...)
	if s.store.Restart == nil || s.store.Another == nil {
		p.skipf("the Store has no Restart, or no Another")
	}
	got := s.fetchAll(3)
	if len(got) != 3 {
		p.fatalf("got %s, want three transactions", shown(texts(got)))
	}
	s.ack(got[0])
	s.store.Restart()
	if keeper, ok := capability.As[capability.LeaseKeeper](s.value); ok {
		s.pass(2 * keeper.LeaseDuration())
	}
	other := &subject{probe: p, store: s.store, value: s.store.Another()}
	other.openIt()
	delivered = other.fetchAll(3)
	for _, tx := range delivered {
		other.ack(tx)
	}
	return got[0], got[1:], delivered
}

func confirmedIsDurable(p *probe) {
	_, rest, delivered := restarted(p)
	p.wantSame("after a restart, with one of three acknowledged", delivered, rest)
}

func sentIsAtMostRepeated(p *probe) {
	acked, rest, delivered := restarted(p)
	if len(delivered) > len(rest) {
		rest = append(rest, acked)
	}
	p.wantSame("after a restart, with one of three acknowledged", delivered, rest)
}

func earlierConnection(p *probe) {
	s := p.holding(numbered(1)...)
	if s.store.Another == nil {
		p.skipf("the Store has no Another")
	}
	old := s.fetchOne("fetching")
	s.close()
	if keeper, ok := capability.As[capability.LeaseKeeper](s.value); ok {
		s.pass(2 * keeper.LeaseDuration())
	}
	other := s.another()
	current := other.fetchOne("fetching from the next connection")
	for what, like := range map[string]capability.Settlement{"acknowledged": ack(), "requeued": requeue()} {
		err := other.trySettle(like, old)
		if failed, ok := errors.AsType[*ergon.BatchError](err); !ok || failed.Failures[0] == nil {
			p.errorf("a delivery of the earlier connection, %s: got %v, want a *ergon.BatchError for it", what, err)
		}
	}
	other.wantNothing("while the delivery of the next connection is in flight")
	other.settle(requeue(), current)
	other.wantNext("after it was requeued", []ergon.Transaction{current})
}
