package connectortest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func fetchRules() []rule {
	return []rule{
		{
			name: "FetchKeepsToItsLimit", needs: []need{fetches()}, check: fetchKeepsToItsLimit,
			why: "the loop asks for as many transactions as it has free slots. Any more would wait while their leases run.",
		},
		{
			name: "FetchDeliversEachOnce", needs: []need{fetches()}, check: fetchDeliversEachOnce,
			why: "a transaction that is not delivered is lost, and one with two deliveries at the same time is processed twice.",
		},
		{
			name: "FetchKeepsTheOrder", needs: []need{fetches()}, check: fetchKeepsTheOrder,
			why: "ordering by key keeps the order in which the source delivers. Declare Unordered if the source keeps no order.",
		},
		{
			name: "FetchOfNothingIsNoError", needs: []need{fetches()}, check: fetchOfNothing,
			why: "an empty queue is not a failed fetch. A streaming loop would retry an error, and then end with it.",
		},
		{
			name: "FetchEndsByErrExhausted", needs: []need{fetches()}, check: fetchEnds,
			why: "ErrExhausted ends the loop. Too early, it leaves requeued transactions unprocessed. Without it a loop never ends.",
		},
		{
			name: "FetchedSliceBelongsToTheCaller", needs: []need{fetches()}, check: fetchedSliceIsTheCallers,
			why: "the engine keeps state in the slice. A source that reads the slice later could settle something else.",
		},
		{
			name: "FetchRespectsItsContext", needs: []need{fetches()}, check: fetchRespectsItsContext,
			why: "the loop abandons a fetch that ignores its context at the timeout, and does not get the transactions that it claimed.",
		},
		{
			name: "CutFetchForgetsNothing", needs: []need{fetches(), settles()}, check: cutFetchForgetsNothing,
			why: "pauses and shutdowns cancel fetches. What a cancelled fetch has claimed and does not return waits for the end of a " +
				"lease, with nobody at work on it.",
		},
		{
			name: "PayloadComesAsItWas", needs: []need{fetches()}, check: payloadComesAsItWas,
			why: "a connector moves transactions. It does not change numbers, characters or the order of keys.",
		},
		{
			name: "MetadataComesAsItWas", needs: []need{fetches(), dispatches()}, check: metadataComesAsItWas,
			why: "trace context and ordering key are in the metadata. Declare NoMetadata if it is not stored.",
		},
		{
			name: "IDsAreStable", needs: []need{fetches(), settles()}, check: idsAreStable,
			why: "the id makes effects idempotent. An id that changes with each delivery makes every redelivery a new effect.",
		},
	}
}

func fetchKeepsToItsLimit(p *probe) {
	s := p.holding(numbered(5)...)
	for _, limit := range []int{1, 2, 1} {
		if got := len(s.fetch(limit)); got > limit {
			p.errorf("FetchTransactions(%d) delivered %d", limit, got)
		}
	}
}

func fetchDeliversEachOnce(p *probe) {
	holds := numbered(25)
	s := p.holding(holds...)
	var got []ergon.Transaction
	for _, n := range []int{1, 7, 2, 15} {
		got = append(got, s.fetchAll(n)...)
	}
	p.wantSame("25 transactions, fetched in parts", got, holds)
	s.wantNothing("when all are in flight")
}

func fetchKeepsTheOrder(p *probe) {
	if p.harness.Unordered {
		p.skipf("declared Unordered")
	}
	holds := numbered(12)
	got := p.holding(holds...).fetchAll(12)
	if g, w := texts(got), texts(holds); !slices.Equal(g, w) {
		p.errorf("got %s, want %s", shown(g), shown(w))
	}
}

func fetchOfNothing(p *probe) {
	if p.harness.Finite {
		p.skipf("declared Finite")
	}
	s := p.holding()
	for range 2 {
		if batch, err := s.tryFetch(3); err != nil || len(batch) > 0 {
			p.fatalf("fetching from nothing: got %d transactions and %v, want none and no error", len(batch), err)
		}
	}
	if dispatches().met(s.value) {
		more := numbered(1)
		s.dispatch(more...)
		s.wantNext("what was dispatched after an empty fetch", more)
	}
}

func fetchEnds(p *probe) {
	if !p.harness.Finite {
		p.skipf("not declared Finite")
	}
	s := p.holding(numbered(2)...)
	got := s.fetchAll(2)
	if settles().met(s.value) {
		s.ack(got[0])
		if _, err := s.tryFetch(1); err != nil {
			p.fatalf("while one is in flight, which may be requeued: got %v, want no error", err)
		}
		s.settle(requeue(), got[1])
		s.ack(s.fetchOne("after the last one was requeued"))
	}
	for range 2 {
		if err := s.end(); !errors.Is(err, ergon.ErrExhausted) {
			p.fatalf("when nothing is left: got %v, want ergon.ErrExhausted", err)
		}
	}
}

// end fetches until there is an error.
func (s *subject) end() error {
	for range maxPolls {
		if batch, err := s.tryFetch(1); err != nil || len(batch) > 0 {
			return err
		}
		s.pause()
	}
	return nil
}

func fetchedSliceIsTheCallers(p *probe) {
	holds := numbered(4)
	s := p.holding(holds...)
	var copies []ergon.Transaction
	for len(copies) < len(holds) {
		batch := s.fetch(2)
		if len(batch) == 0 {
			p.fatalf("got %d transactions, want %d", len(copies), len(holds))
		}
		copies = append(copies, batch...)
		for i := range batch {
			batch[i] = ergon.NewTransaction("overwritten", nil)
		}
		_ = append(batch[:0:cap(batch)], make([]ergon.Transaction, cap(batch))...)
	}
	p.wantSame("after the slices were overwritten", copies, holds)
	if settles().met(s.value) {
		s.settle(requeue(), copies...)
		s.wantNext("delivered again after the slices were overwritten", holds)
	}
}

// fetchRespectsItsContext has what a fetch took although its context had ended given back, as the engine does.
func fetchRespectsItsContext(p *probe) {
	holds := numbered(3)
	s := p.holding(holds...)
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	fetcher := as[ergon.Fetcher](s)
	var batch []ergon.Transaction
	p.returns("FetchTransactions with a context that has ended", func(context.Context) {
		batch, _ = fetcher.FetchTransactions(ended, 2)
	})
	if settles().met(s.value) && len(batch) > 0 {
		s.settle(interrupted(), batch...)
		batch = nil
	}
	if keeper, ok := capability.As[capability.LeaseKeeper](s.value); ok {
		s.pass(2 * keeper.LeaseDuration())
	}
	p.wantSame("after a fetch whose context had ended", append(batch, s.fetchAll(len(holds)-len(batch))...), holds)

	waiting, cancel := context.WithCancel(p.ctx)
	timer := time.AfterFunc(pauseTime, cancel)
	defer timer.Stop()
	p.returns("FetchTransactions of nothing whose context ends", func(context.Context) {
		_, _ = fetcher.FetchTransactions(waiting, 1)
	})
}

func payloadComesAsItWas(p *probe) {
	holds := []ergon.Transaction{
		ergon.NewTransaction("object", []byte(`{"z":1,"a":"é \u0000 \" <&> 𝄞","big":12345678901234567890,"nested":[{"x":null},true,1.50]}`)),
		ergon.NewTransaction("array", []byte(`[1,2,3]`)),
	}
	s := p.holding(holds...)
	if dispatches().met(s.value) {
		batch := []ergon.Transaction{ergon.NewTransaction("text", []byte(`"text"`))}
		s.dispatch(batch...)
		batch[0] = ergon.NewTransaction("overwritten", []byte(`{}`))
		holds = append(holds, ergon.NewTransaction("text", []byte(`"text"`)))
	}
	s.wantNext("payloads", holds)
}

func metadataComesAsItWas(p *probe) {
	if p.harness.NoMetadata {
		p.skipf("declared NoMetadata")
	}
	want := map[string]string{"traceparent": "00-01-02-01", "é": "\n\"", "empty": ""}
	plain := numbered(2)
	sent := plain[0].WithOrderingKey("k").WithAllMetadata(want)
	s := p.holding(sent, plain[1])
	for _, got := range s.fetchAll(2) {
		if text(got) != text(sent) {
			for key := range got.AllMetadata() {
				p.errorf("a transaction without metadata has %q", key)
			}
			continue
		}
		if got.OrderingKey() != "k" {
			p.errorf("got ordering key %q, want k", got.OrderingKey())
		}
		for key, value := range want {
			if v, ok := got.Metadata(key); !ok || v != value {
				p.errorf("metadata %q: got %q (there: %v), want %q", key, v, ok, value)
			}
		}
	}
}

func idsAreStable(p *probe) {
	holds := numbered(3)
	s := p.holding(holds...)
	first := map[string]string{} // by the payload
	for _, tx := range s.fetchAll(3) {
		first[text(tx)] = tx.ID()
		if tx.ID() == "" {
			p.errorf("a transaction has no id")
		}
		s.settle(requeue(), tx)
	}
	seen := map[string]bool{}
	for _, tx := range s.fetchAll(3) {
		if tx.ID() != first[text(tx)] {
			p.errorf("%s had the id %q and has %q when it is delivered again", text(tx), first[text(tx)], tx.ID())
		}
		if seen[tx.ID()] {
			p.errorf("two transactions have the id %q", tx.ID())
		}
		seen[tx.ID()] = true
	}
	if p.harness.OwnIDs {
		return
	}
	for _, tx := range holds {
		if first[text(tx)] != tx.ID() {
			p.errorf("what was dispatched as %q is delivered as %q", tx.ID(), first[text(tx)])
		}
	}
}

// cutFetchForgetsNothing cancels fetches at random moments, and wants everything to be there within a second each time.
func cutFetchForgetsNothing(p *probe) {
	const times, longest = 50, 30 * time.Millisecond
	holds := numbered(3)
	s := p.holding(holds...)
	moments := rand.New(rand.NewPCG(1, 2)) // the same moments in every run
	for range times {
		after := time.Duration(moments.Int64N(int64(longest)))
		var batch []ergon.Transaction
		var err error
		p.returns("FetchTransactions that was cancelled", func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, after)
			defer cancel()
			batch, err = as[ergon.Fetcher](s).FetchTransactions(ctx, 2)
		})
		if err != nil && len(batch) > 0 {
			p.fatalf("cancelled after %s: it returned %d transactions together with %v, want a nil error", after, len(batch), err)
		}
		if len(batch) > 0 {
			s.settle(interrupted(), batch...)
		}
		began := time.Now()
		all := s.fetchAll(len(holds))
		p.wantSame("after a fetch that was cancelled", all, holds)
		if took := time.Since(began); took > time.Second {
			p.fatalf("after a fetch that was cancelled, the transactions were there after %s, want a second", took)
		}
		s.settle(interrupted(), all...)
	}
}
