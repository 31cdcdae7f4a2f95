package connectortest

import (
	"context"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func replayRules() []rule {
	return []rule{{
		name: "ReplayDeliversSettledOnceMore", needs: []need{fetches(), dispatches(), settles(), replays()}, check: replayDelivers,
		why: "a user replays settled transactions after correcting a task. It must repeat the selected ones only, and nothing unsettled.",
	}, {
		name: "ReplayIsAnotherGeneration", needs: []need{fetches(), dispatches(), settles(), replays()}, check: replayIsAnotherGeneration,
		why: "the outputs of a replay must be new. With the ids of the earlier ones they would be known and dropped.",
	}}
}

func (s *subject) replay(filter capability.ReplayFilter) (n int64) {
	s.returns("ReplayTransactions", func(ctx context.Context) {
		var err error
		n, err = as[capability.Replayer](s).ReplayTransactions(ctx, filter)
		if err != nil {
			s.errorf("ReplayTransactions: %v", err)
		}
	})
	return n
}

func replayDelivers(p *probe) {
	s := p.holding(numbered(4)...)
	got := s.fetchAll(4)
	s.ack(got[:3]...)
	want := func(what string, filter capability.ReplayFilter, again ...ergon.Transaction) {
		if n := s.replay(filter); n != int64(len(again)) {
			p.errorf("%s: replayed %d, want %d", what, n, len(again))
		}
		s.ack(s.wantNext(what, again)...)
	}
	want("one by its id", capability.ReplayFilter{IDs: []string{got[1].ID()}}, got[1])
	want("one that is in flight", capability.ReplayFilter{IDs: []string{got[3].ID()}})
	want("an id that there is not", capability.ReplayFilter{IDs: []string{"no such id"}})
	want("all that are settled", capability.ReplayFilter{}, got[:3]...)
	future := time.Now().AddDate(100, 0, 0)
	want("transactions settled in the future", capability.ReplayFilter{SettledAfter: future})
	want("what was settled before ever", capability.ReplayFilter{SettledBefore: time.Unix(0, 0)})
	want("what was settled between", capability.ReplayFilter{SettledAfter: time.Unix(0, 0), SettledBefore: future}, got[:3]...)
}

func replayIsAnotherGeneration(p *probe) {
	s := p.holding(numbered(1)...)
	seen := map[string]bool{"": true}
	for generation := 1; generation <= 2; generation++ {
		s.ack(s.fetchOne("fetching"))
		if n := s.replay(capability.ReplayFilter{}); n != 1 {
			p.fatalf("replayed %d, want 1", n)
		}
		shown := s.fetchOne("fetching what was replayed")
		if shown.Generation() != generation || seen[shown.Arrival()] {
			p.errorf("replay %d: got generation %d, arrival %q, want the next of both", generation, shown.Generation(), shown.Arrival())
		}
		seen[shown.Arrival()] = true
		s.settle(interrupted(), shown)
	}
}
