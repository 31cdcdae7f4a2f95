package connectortest

import (
	"context"
	"time"

	"github.com/ergon-go/ergon/capability"
)

// plenty is a demand above everything that a rule has.
const plenty = 1000

// getsDemand is a source whose server pushes.
func getsDemand() need { return capable[capability.DemandListener]("capability.DemandListener") }

func demandRules() []rule {
	return []rule{
		{
			name: "OpenTakesNothing", needs: []need{fetches(), opens()}, check: openTakesNothing,
			why: "commands open connectors to look at a queue. One that takes transactions when it is opened keeps them from the workers.",
		},
		{
			name: "DemandBoundsWhatIsHeld", needs: []need{fetches(), settles(), getsDemand()}, check: demandBounds,
			why: "what a consumer hoards, no other worker can process, and its own loop cannot begin.",
		},
		{
			name: "DemandOfNothingGivesBack", needs: []need{fetches(), settles(), getsDemand()}, check: demandOfNothing,
			why: "a loop that is paused or shuts down must not keep what it has not begun from others.",
		},
	}
}

// demand says how many are wanted, where the connector must know that.
func (s *subject) demand(n int) {
	listener, ok := capability.As[capability.DemandListener](s.value)
	if !ok {
		return
	}
	began := time.Now()
	s.returns("Demand", func(context.Context) { listener.Demand("", n) })
	if took := time.Since(began); took > time.Second {
		s.errorf("Demand(%d) took %s, and must not wait for the network", n, took)
	}
}

// shared is one more connector to the store, beside s.
func (s *subject) shared() *subject {
	if !s.harness.Shared || s.store.Another == nil {
		s.skipf("several connectors cannot have the store open")
	}
	other := s.store.Another()
	if other == s.value {
		s.skipf("Store.Another returns the same connector")
	}
	return &subject{probe: s.probe, store: s.store, value: other}
}

func openTakesNothing(p *probe) {
	holds := numbered(5)
	first := p.holding(holds...)
	s := first.shared() // first dispatched, and has fetched nothing
	s.openQuietly()
	second := first.shared()
	second.openIt()
	first.demand(0)
	second.wantNext("while two other connectors are open", holds)
}

func demandBounds(p *probe) {
	const wanted = 2
	holds := numbered(5)
	s := p.holding(holds...)
	other := s.shared()
	s.demand(wanted)
	s.fetchOne("with a demand")
	other.openIt()
	if got := len(other.fetchAll(len(holds))); got < len(holds)-wanted {
		p.errorf("with a demand of %d of %d, another connector got %d, want %d at least", wanted, len(holds), got, len(holds)-wanted)
	}
}

func demandOfNothing(p *probe) {
	holds := numbered(5)
	s := p.holding(holds...)
	other := s.shared()
	other.openIt()
	tx := s.fetchOne("with a demand")
	s.demand(0)
	began := time.Now()
	got := other.fetchAll(len(holds) - 1)
	if len(got) != len(holds)-1 {
		p.fatalf("once nothing was in demand, another connector got %s, want all but one of %d", shown(texts(got)), len(holds))
	}
	if took := time.Since(began); took > time.Second {
		p.errorf("once nothing was in demand, another connector got the rest after %s, want a second", took)
	}
	s.wantNothing("once nothing was in demand")
	s.settle(ack(), tx)
}
