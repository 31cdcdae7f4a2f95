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
		{
			name: "DeliveryExpiresWhenItSays", needs: keeping, check: expiresWhenItSays,
			why: "the engine works until a delivery expires. If the source takes it back earlier, the work is done twice; if the " +
				"delivery says much less, its handler is cancelled too early.",
		},
		{
			name: "HoldEndsWhenDeclared", needs: []need{fetches(), settles(), endsHold()}, check: holdEnds,
			why: "the engine ends attempts before the longest hold. If the source takes a delivery back earlier, the work is done twice.",
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

// endsHold is a source that declares the longest hold.
func endsHold() need {
	return declares("source that declares MaxHold", func(d capability.Declaration) bool { return d.MaxHold > 0 })
}

func expiresWhenItSays(p *probe) {
	s := p.holding(numbered(1)...)
	if s.store.Pass != nil {
		p.skipf("the store has a clock of its own")
	}
	tx := s.fetchOne("fetching")
	expires := tx.Delivery().ExpiresAt
	if expires.IsZero() {
		p.skipf("its deliveries do not say when they expire")
	}
	margin := s.lease() / 10
	if s.isExact() {
		s.pass(time.Until(expires) - margin/10)
		if batch, err := s.tryFetchBriefly(margin / 100); err != nil || len(batch) > 0 {
			p.fatalf("before it expires as it says: got %d deliveries and %v, want none", len(batch), err)
		}
	}
	s.pass(time.Until(expires) + margin + margin/10)
	s.fetchOne("a tenth of its lease after it has expired as it says")
}

func holdEnds(p *probe) {
	s := p.holding(numbered(1)...)
	if !s.isExact() {
		p.skipf("it would take as long as the longest hold")
	}
	declared, err := capability.DeclarationOf(s.value)
	if err != nil {
		p.fatalf("%v", err)
	}
	tx := s.fetchOne("fetching")
	step := declared.MaxHold
	keeper, leased := capability.As[capability.LeaseKeeper](s.value)
	if leased {
		step = keeper.LeaseDuration() / 2
	}
	left := declared.MaxHold - declared.MaxHold/10
	for ; left > 0; left -= step {
		s.pass(min(step, left))
		if !leased {
			continue
		}
		if err := s.tryExtend(tx); err != nil {
			p.fatalf("extending within the longest hold of %s: %v", declared.MaxHold, err)
		}
	}
	if batch, err := s.tryFetchBriefly(time.Nanosecond); err != nil || len(batch) > 0 {
		p.fatalf("a tenth before the longest hold of %s ends: got %d deliveries and %v, want none", declared.MaxHold, len(batch), err)
	}
	s.pass(declared.MaxHold / 5)
	p.wantFailures("acknowledged after the longest hold", s.trySettle(ack(), tx), true, 0)
	s.fetchOne("after the longest hold")
}
