package connectortest

import (
	"time"

	"github.com/ergon-go/ergon/capability"
)

func leaseRules() []rule {
	keeping := []need{fetches(), settles(), leases()}
	return []rule{
		{
			name: "LeaseRunsOut", needs: keeping, check: leaseRunsOut,
			why: "if a process dies, only the end of its leases makes its transactions available again.",
		},
		{
			name: "LeaseRunOutIsStale", needs: keeping, check: leaseRunOutIsStale,
			why: "a worker that lost a lease must get an error, and must not settle what was delivered to another worker.",
		},
		{
			name: "ExtensionKeepsTheLease", needs: keeping, check: extensionKeeps,
			why: "the engine extends leases from fetch to settlement. If an extension has no effect, the work is done twice.",
		},
		{
			name: "LostLeasesAreNamed", needs: keeping, check: lostLeasesAreNamed,
			why: "the engine cancels the handlers of the leases that a *BatchError names, and the others continue.",
		},
	}
}

func (s *subject) lease() time.Duration {
	d := as[capability.LeaseKeeper](s).LeaseDuration()
	if d <= 0 {
		s.fatalf("LeaseDuration is %v, want more than 0", d)
	}
	return d
}

func leaseRunsOut(p *probe) {
	s := p.holding(numbered(1)...)
	lease := s.lease()
	first := s.fetchOne("fetching")
	if s.isExact() {
		s.pass(lease - lease/10)
		if batch, err := s.tryFetchBriefly(lease / 100); err != nil || len(batch) > 0 {
			p.fatalf("before its lease of %v ran out: got %d deliveries and %v, want none", lease, len(batch), err)
		}
	}
	s.pass(lease / 5)
	if !s.isExact() {
		s.pass(lease)
	}
	again := s.fetchOne("after its lease ran out")
	if again.ID() != first.ID() {
		p.errorf("got %q, want %q again", again.ID(), first.ID())
	}
	if got := again.Delivery().Count; !p.harness.Uncounted && got != 2 {
		p.errorf("got delivery %d, want 2: what a lease brings back counts", got)
	}
	s.ack(again)
}

func leaseRunOutIsStale(p *probe) {
	holds := numbered(1)
	s := p.holding(holds...)
	old := s.fetchOne("fetching")
	s.pass(2 * s.lease())
	current := s.fetchOne("after its lease ran out")
	p.wantFailures("acknowledged after its lease ran out", s.trySettle(ack(), old), true, 0)
	p.wantFailures("extended after its lease ran out", s.tryExtend(old), true, 0)
	s.settle(requeue(), current)
	s.wantNext("after the second delivery was requeued", holds)
}

func extensionKeeps(p *probe) {
	s := p.holding(numbered(1)...)
	lease := s.lease()
	tx := s.fetchOne("fetching")
	for range 4 {
		s.pass(lease / 2)
		if err := s.tryExtend(tx); err != nil {
			p.fatalf("extending a lease that has half of its time left: %v", err)
		}
	}
	if s.isExact() {
		s.pass(lease - lease/10)
		if batch, err := s.tryFetchBriefly(lease / 100); err != nil || len(batch) > 0 {
			p.fatalf("within an extended lease: got %d deliveries and %v, want none", len(batch), err)
		}
	}
	s.ack(tx)
	s.pass(2 * lease)
	s.wantNothing("after it was acknowledged within an extended lease")
}

func lostLeasesAreNamed(p *probe) {
	s := p.holding(numbered(3)...)
	got := s.fetchAll(3)
	s.ack(got[1])
	p.wantFailures("a batch of which one is lost", s.tryExtend(got...), true, 1)
	if err := s.tryExtend(); err != nil {
		p.errorf("an empty batch: %v", err)
	}
	if err := s.tryExtend(got[0], got[2]); err != nil {
		p.errorf("the others: %v", err)
	}
	s.ack(got[0], got[2])
}
