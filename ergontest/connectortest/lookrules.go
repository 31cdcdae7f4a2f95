package connectortest

import (
	"errors"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func lookRules() []rule {
	return []rule{
		{
			name: "ResolveFindsByID", needs: []need{fetches(), settles(), resolves()}, check: resolveFinds,
			why: "a user runs one transaction by its id. It must be that transaction, as a fetch would return it.",
		},
		{
			name: "UnknownIDIsErrNotFound", needs: []need{resolves()}, check: unknownIDIsNotFound,
			why: "an invented transaction would be processed, and any other error would be retried.",
		},
		{
			name: "CountIsWhatANewLoopWouldFetch", needs: []need{fetches(), settles(), counts()}, check: countIsWhatWaits,
			why: "progress and autoscaling use the count, and a loop that requeued something ends when the count is 0.",
		},
	}
}

func resolveFinds(p *probe) {
	holds := numbered(3)
	s := p.holding(holds...)
	ids := map[string]string{}
	got := s.fetchAll(3)
	for _, tx := range got {
		ids[text(tx)] = tx.ID()
	}
	s.settle(requeue(), got...)
	id := ids[text(holds[1])]
	tx, err := s.tryResolve(id)
	if err != nil {
		p.fatalf("FetchTransactionByID(%q): %v", id, err)
	}
	if tx.ID() != id || text(tx) != text(holds[1]) {
		p.errorf("got %q with %s, want %q with %s", tx.ID(), text(tx), id, text(holds[1]))
	}
	if err := s.trySettle(ack(), tx); err != nil {
		p.errorf("acknowledging it: %v", err)
	}
	want := []ergon.Transaction{holds[0], holds[2]}
	if p.harness.ReadOnly {
		want = holds
	}
	s.wantNext("after one was found by its id and acknowledged", want)
}

func unknownIDIsNotFound(p *probe) {
	s := p.holding(numbered(1)...)
	for _, id := range []string{"no such id", "", "t-1' OR '1'='1", "../t-1", "t-\x00"} {
		if tx, err := s.tryResolve(id); !errors.Is(err, capability.ErrNotFound) {
			p.errorf("FetchTransactionByID(%q): got %q and %v, want capability.ErrNotFound", id, tx.ID(), err)
		}
	}
}

func countIsWhatWaits(p *probe) {
	s := p.holding(numbered(5)...)
	want := func(n int64, when string) {
		if got := s.count(); got != n {
			p.errorf("%s: counted %d, want %d", when, got, n)
		}
	}
	want(5, "before anything was fetched")
	got := s.fetchAll(2)
	s.ack(got[0])
	s.settle(requeue(), got[1])
	want(4, "after one was acknowledged and one requeued")
	s.ack(s.fetchAll(4)...)
	want(0, "after all were acknowledged")
}
