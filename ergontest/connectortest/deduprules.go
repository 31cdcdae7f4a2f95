package connectortest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func declares(name string, is func(capability.Declaration) bool) need {
	return need{name: name, met: func(connector any) bool {
		d, err := capability.DeclarationOf(connector)
		return err == nil && is(d) // a rule of its own says what is wrong
	}}
}

// tells is a sink that stores an id once and says so.
func tells() need {
	return declares("sink that declares capability.DedupReported",
		func(d capability.Declaration) bool { return d.Dedup == capability.DedupReported })
}

func keepsAll() need {
	return declares("sink that declares no deduplication", func(d capability.Declaration) bool { return d.Dedup == capability.DedupNone })
}

func dedupRules() []rule {
	reporting := []need{dispatches(), tells()}
	return []rule{
		{
			name: "DeclarationHoldsOnceItIsOpen", needs: nil, check: declarationHolds,
			why: "the engine decides by the declaration, before it opens the connector, whether to refuse a configuration.",
		},
		{
			name: "StoredIsNotReported", needs: reporting, check: storedIsNotReported,
			why: "a report counts a transaction as known. For a new transaction that count would be wrong.",
		},
		{
			name: "DuplicatesAreReported", needs: reporting, check: duplicatesAreReported,
			why: "a sink never drops a dispatch silently, and an output that a redelivery sends again must not be stored twice.",
		},
		{
			name: "ConflictsAreReported", needs: reporting, check: conflictsAreReported,
			why: "two pieces of work with one id are a mistake of their sender. Without a report the sender loses one of them.",
		},
		{
			name: "DivergedOutputsAreStored", needs: reporting, check: divergedAreStored,
			why: "an output that differs after a redelivery may be stored twice, but it must be stored.",
		},
		{
			name: "OneIDTwiceInABatchIsReported", needs: reporting, check: twiceInABatch,
			why: "a batch joins the dispatches of several callers. Each caller needs the reports about its own transactions.",
		},
		{
			name: "LaterArrivalsAreStored", needs: reporting, check: laterArrivals,
			why: "a retried transaction has a known id. If it counted as a duplicate, it would be lost together with its dead letter.",
		},
		{
			name: "NobodyHasToListen", needs: reporting, check: nobodyListens,
			why: "direct callers have no listener. They get nil for a transaction that is already stored.",
		},
		{
			name: "HopsReportWhatWasKnown", needs: []need{fetches(), dispatches(), settles(), hops(), tells()}, check: hopsReport,
			why: "most outputs of hybrid tasks are in hops. An output that a hop drops silently is lost.",
		},
		{
			name: "EverythingIsStoredWithoutDeduplication", needs: []need{dispatches(), keepsAll()}, check: everythingIsStored,
			why: "off means off: several transactions with one id are wanted then, and a report would count them as dropped.",
		},
	}
}

func declarationHolds(p *probe) {
	s := p.make(nil)
	before, err := capability.DeclarationOf(s.value)
	if err != nil {
		p.errorf("%v", err)
		return
	}
	if again, err := capability.DeclarationOf(s.value); err != nil || !reflect.DeepEqual(again, before) {
		p.errorf("it declares %+v and then %+v (%v)", before, again, err)
	}
	s.openIt()
	if after, err := capability.DeclarationOf(s.value); err != nil {
		p.errorf("once it is open: %v", err)
	} else if err := after.Narrows(before); err != nil {
		p.errorf("once it is open, %v", err)
	}
}

// tryReported is a dispatch that is listened to. The reports are "result id", in no order.
func (s *subject) tryReported(batch ...ergon.Transaction) (reported []string, err error) {
	s.returns("DispatchTransactions", func(ctx context.Context) {
		err = as[ergon.Dispatcher](s).DispatchTransactions(listen(ctx, &reported), batch)
	})
	return reported, err
}

func listen(ctx context.Context, reported *[]string) context.Context {
	var mu sync.Mutex
	return capability.WithDispatchReport(ctx, func(tx ergon.Transaction, result capability.DispatchResult) {
		mu.Lock()
		defer mu.Unlock()
		*reported = append(*reported, fmt.Sprint(result, " ", tx.ID()))
	})
}

// wantReports dispatches and wants these reports, in any order. A conflict may be an error of its item instead.
func (s *subject) wantReports(what string, batch []ergon.Transaction, want ...string) {
	reported, err := s.tryReported(batch...)
	if failed, ok := errors.AsType[*ergon.BatchError](err); ok {
		err = nil
		for i, failure := range failed.Failures {
			if i < 0 || i >= len(batch) {
				s.fatalf("%s: a failure was reported for item %d of %d", what, i, len(batch))
			}
			if !errors.Is(failure, capability.ErrConflict) {
				s.fatalf("%s: item %d: %v", what, i, failure)
			}
			reported = append(reported, fmt.Sprint(capability.Conflict, " ", batch[i].ID()))
		}
	}
	if err != nil {
		s.fatalf("%s: %v", what, err)
	}
	slices.Sort(reported)
	slices.Sort(want)
	if !slices.Equal(reported, want) {
		s.errorf("%s: reported %q, want %q", what, reported, want)
	}
}

// withContent has an id and a content of its own.
func withContent(id, content string) ergon.Transaction {
	return ergon.NewTransaction(id, fmt.Appendf(nil, `{"says":%q}`, content))
}

func derived(id, content string) ergon.Transaction {
	return withContent("x", content).WithDerivedID(id)
}

func storedIsNotReported(p *probe) {
	s := p.holding()
	s.wantReports("new transactions", numbered(30))
	s.wantReports("another one with the content of a known one", []ergon.Transaction{ergon.NewTransaction("other", numbered(1)[0].Payload())})
	p.wantSame("durable", s.durable(31), append(numbered(30), numbered(1)...))
}

func duplicatesAreReported(p *probe) {
	s := p.holding()
	s.wantReports("the first", []ergon.Transaction{withContent("a", "one")})
	again := withContent("a", "one")
	if !s.harness.NoMetadata {
		again = again.WithMetadata("traceparent", "00-1").WithMetadata("ergon.generation", "1").WithMetadata("priority", "1")
	}
	s.wantReports("the same again, of another trace", []ergon.Transaction{again}, "duplicate a")
	s.wantReports("the same among many others", append(numbered(30), withContent("a", "one")), "duplicate a")
	s.wantReports("the same from a derived id", []ergon.Transaction{derived("a", "one")}, "duplicate a")
	if fetches().met(s.value) && settles().met(s.value) {
		claimed := s.fetchAll(31)
		s.wantReports("the same while it is delivered", []ergon.Transaction{withContent("a", "one")}, "duplicate a")
		s.settle(requeue(), claimed...)
	}
	p.wantSame("durable", s.durable(31), append(numbered(30), withContent("a", "one")))
}

func conflictsAreReported(p *probe) {
	s := p.holding()
	s.wantReports("the first", []ergon.Transaction{withContent("a", "one")})
	s.wantReports("another payload", []ergon.Transaction{withContent("a", "two")}, "conflict a")
	if !s.harness.NoMetadata {
		s.wantReports("other metadata", []ergon.Transaction{withContent("a", "one").WithMetadata("k", "v")}, "conflict a")
	}
	s.wantReports("another payload among many others", append(numbered(30), withContent("a", "two")), "conflict a")
	p.wantSame("durable", s.durable(31), append(numbered(30), withContent("a", "one")))
}

func divergedAreStored(p *probe) {
	s := p.holding()
	s.wantReports("the outputs of a delivery that was cut short", []ergon.Transaction{derived("in/0", "A")})
	again := []ergon.Transaction{derived("in/0", "B"), derived("in/1", "A")}
	s.wantReports("all of them, in another order", again, "diverged in/0")
	s.wantReports("and once more", again, "duplicate in/0", "duplicate in/1")
	got := s.durable(3)
	p.wantSame("durable", got, append(again, derived("in/0", "A")))
	if s.harness.OwnIDs {
		return
	}
	ids := idsOf(got)
	slices.Sort(ids)
	want := []string{"in/0", again[0].AlternateID(capability.ContentDigestOf([]byte(text(again[0])), nil)), "in/1"}
	if !slices.Equal(ids, want) {
		p.errorf("they are stored as %q, want %q", ids, want)
	}
}

func twiceInABatch(p *probe) {
	s := p.holding()
	batch := append(numbered(30), withContent("a", "one"), withContent("a", "one"), withContent("a", "two"), derived("a", "three"))
	s.wantReports("one id several times in a batch", batch, "duplicate a", "conflict a", "diverged a")
	s.wantReports("one id twice in a small batch", []ergon.Transaction{withContent("b", "one"), withContent("b", "two")}, "conflict b")
	p.wantSame("durable", s.durable(33), append(numbered(30), withContent("a", "one"), withContent("a", "three"), withContent("b", "one")))
}

func laterArrivals(p *probe) {
	s := p.holding()
	if s.harness.NoMetadata {
		p.skipf("it stores no metadata, which arrivals need")
	}
	first, second := withContent("a", "one"), withContent("a", "two")
	s.wantReports("the first arrival", []ergon.Transaction{first})
	s.wantReports("a retry, and one that was edited",
		[]ergon.Transaction{first.WithArrival("1-0123456789abcdef"), second.WithArrival("2-0123456789abcdef")})
	s.wantReports("each of them again", []ergon.Transaction{
		first, first.WithArrival("1-0123456789abcdef"), second.WithArrival("2-0123456789abcdef"),
	}, "duplicate a", "duplicate a", "duplicate a")
	s.wantReports("a retry that is known with other content", []ergon.Transaction{second.WithArrival("1-0123456789abcdef")}, "conflict a")
	s.wantReports("a first arrival with the content of an edit", []ergon.Transaction{second}, "duplicate a")
	s.wantReports("a first arrival with a content of its own", []ergon.Transaction{withContent("a", "three")}, "conflict a")
	p.wantSame("durable", s.durable(3), []ergon.Transaction{first, first, second})
}

func nobodyListens(p *probe) {
	s := p.holding()
	s.dispatch(withContent("a", "one"))
	if err := s.tryDispatch(withContent("a", "one"), derived("a", "two")); err != nil {
		p.errorf("a duplicate without a listener: %v", err)
	}
	p.wantSame("durable", s.durable(2), []ergon.Transaction{withContent("a", "one"), withContent("a", "two")})
}

func hopsReport(p *probe) {
	s := p.holding(numbered(3)...)
	to := s.otherQueue()
	if !tells().met(to.value) {
		p.skipf("the queue OtherQueue declares no capability.DedupReported")
	}
	to.dispatch(withContent("a", "one"))
	got := s.fetchAll(3)
	s.ack(got[2])
	var reported []string
	err := s.hopReported(&reported,
		hopOf(got[0], to, withContent("a", "one"), withContent("b", "one")), hopOf(got[1], to, derived("a", "two"), withContent("b", "one")),
		hopOf(got[2], to, withContent("a", "one")))
	p.wantFailures("hops of which the last is stale", err, true, 2)
	slices.Sort(reported)
	if want := []string{"diverged a", "duplicate a", "duplicate b"}; !slices.Equal(reported, want) {
		p.errorf("the hops reported %q, want %q", reported, want)
	}
	to.wantNext("in the queue that the outputs went to",
		[]ergon.Transaction{withContent("a", "one"), withContent("b", "one"), withContent("a", "two")})
}

func (s *subject) hopReported(reported *[]string, hops ...capability.Hop) (err error) {
	s.returns("HopTransactions", func(ctx context.Context) {
		err = as[capability.Hopper](s).HopTransactions(listen(ctx, reported), hops)
	})
	return err
}

func everythingIsStored(p *probe) {
	s := p.holding()
	if isLetters(s.value) {
		p.skipf("a store of dead letters has one of each item")
	}
	batch := []ergon.Transaction{withContent("a", "one"), withContent("a", "one"), withContent("a", "two"), derived("a", "three")}
	s.wantReports("several of one id", batch)
	s.wantReports("and once more", batch)
	p.wantSame("durable", s.durable(2*len(batch)), slices.Concat(batch, batch))
}
