package connectortest

import (
	"context"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func inspectRules() []rule {
	inspecting := []need{fetches(), dispatches(), settles(), inspects()}
	return []rule{
		{
			name: "InspectCountsByState", needs: inspecting, check: inspectCounts,
			why: "engineers on call and autoscaling rely on these numbers.",
		},
		{
			name: "PeekingClaimsNothing", needs: inspecting, check: peekClaimsNothing,
			why: "inspecting a queue must not take transactions from the tasks that run on it.",
		},
	}
}

func (s *subject) inspect() (stats capability.QueueStats) {
	s.returns("InspectQueue", func(ctx context.Context) {
		var err error
		if stats, err = as[capability.Inspector](s).InspectQueue(ctx); err != nil {
			s.errorf("InspectQueue: %v", err)
		}
	})
	return stats
}

func (s *subject) peek(state capability.QueueState, limit int) (batch []ergon.Transaction) {
	s.returns("PeekTransactions", func(ctx context.Context) {
		var err error
		batch, err = as[capability.Inspector](s).PeekTransactions(ctx, state, limit)
		if err != nil {
			s.errorf("PeekTransactions(%s): %v", state, err)
		}
	})
	return batch
}

func inspectCounts(p *probe) {
	s := p.holding(numbered(6)...)
	want := func(when string, ready, delayed, claimed int64) {
		got := s.inspect()
		if got.Ready != ready || got.Delayed != delayed || got.Claimed != claimed {
			p.errorf("%s: got %d ready, %d delayed, %d claimed; want %d, %d, %d",
				when, got.Ready, got.Delayed, got.Claimed, ready, delayed, claimed)
		}
		if got.OldestReadyAt.IsZero() != (ready == 0) {
			p.errorf("%s: with %d ready the oldest is from %v", when, ready, got.OldestReadyAt)
		}
	}
	want("before anything was fetched", 6, 0, 0)
	got := s.fetchAll(4)
	want("with four in flight", 2, 0, 4)
	later := requeue()
	later.Delay = time.Hour
	s.settle(later, got[0])
	s.settle(requeue(), got[1])
	s.ack(got[2])
	want("after one was held back, one requeued and one acknowledged", 3, 1, 1)
	s.ack(append(s.fetchAll(3), got[3])...)
	want("after all that is not held back was acknowledged", 0, 1, 0)
}

func peekClaimsNothing(p *probe) {
	holds := numbered(4)
	s := p.holding(holds...)
	if got := s.peek(capability.StateReady, 2); len(got) != 2 {
		p.errorf("peeking at two of four: got %d", len(got))
	}
	peeked := s.peek(capability.StateReady, 10)
	p.wantSame("peeking at all", peeked, holds)
	if !p.harness.Unordered && !slices.Equal(texts(peeked), texts(holds)) {
		p.errorf("peeked in the order %s, want %s", shown(texts(peeked)), shown(texts(holds)))
	}
	got := s.fetchAll(4)
	p.wantSame("fetched after peeking", got, holds)
	if count := got[0].Delivery().Count; !p.harness.Uncounted && count != 1 {
		p.errorf("got delivery %d after peeking, want 1", count)
	}
	p.wantSame("peeking at claimed transactions", s.peek(capability.StateClaimed, 10), holds)
	later := requeue()
	later.Delay = time.Hour
	s.settle(later, got[0])
	p.wantSame("peeking at delayed transactions", s.peek(capability.StateDelayed, 10), got[:1])
	s.ack(got[1:]...)
	if left := s.peek(capability.StateClaimed, 10); len(left) > 0 {
		p.errorf("after all were settled %s is in flight", shown(texts(left)))
	}
}
