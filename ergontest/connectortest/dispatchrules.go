package connectortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
)

func dispatchRules() []rule {
	return []rule{
		{
			name: "DispatchIsDurable", needs: []need{dispatches()}, check: dispatchIsDurable,
			why: "the engine acknowledges a transaction when its outputs and its dead letter are durable. nil means that they are.",
		},
		{
			name: "DispatchOfNothingSucceeds", needs: []need{dispatches()}, check: dispatchOfNothing,
			why: "an empty batch is not a failure: there is nothing left to send.",
		},
		{
			name: "RefusedItemsAreNamed", needs: []need{dispatches()}, check: refusedItemsAreNamed,
			why: "one transaction that cannot be sent must not stop the rest of its batch, and must not count as sent.",
		},
		{
			name: "DispatchIsSafeForConcurrentUse", needs: []need{dispatches()}, check: dispatchConcurrently,
			why: "handlers that run at the same time dispatch from different goroutines.",
		},
		{
			name: "DispatchRespectsItsContext", needs: []need{dispatches()}, check: dispatchRespectsItsContext,
			why: "an error means that nothing is durable. If something is stored all the same, the next attempt stores it twice.",
		},
	}
}

// durable returns what a store holds that was dispatched, n at least where there is nothing wrong.
func (s *subject) durable(n int) []ergon.Transaction {
	if s.store.Written != nil {
		written, err := s.store.Written()
		if err != nil {
			s.fatalf("Store.Written: %v", err)
		}
		return written
	}
	from := s
	if s.store.Another != nil {
		from = s.another()
	}
	if isLetters(from.value) {
		var all []ergon.Transaction
		for _, letter := range from.list(deadletter.Filter{}, deadletter.Page{Limit: n + 10}) {
			all = append(all, ergon.NewTransaction(letter.ID, letter.Record))
		}
		return all
	}
	if !fetches().met(from.value) {
		s.skipf("the Store has no Written, and nothing can be fetched from %T", s.value)
	}
	got := from.fetchAll(n)
	return append(got, from.fetch(1)...)
}

func dispatchIsDurable(p *probe) {
	s := p.holding()
	sent := samples(s.value, 5)
	s.dispatch(sent[:1]...)
	s.dispatch(sent[1:]...)
	p.wantSame("read again after it was dispatched", s.durable(5), sent)
}

func dispatchOfNothing(p *probe) {
	s := p.holding()
	if err := s.tryDispatch(); err != nil {
		p.errorf("an empty batch: %v", err)
	}
}

func refusedItemsAreNamed(p *probe) {
	s := p.holding()
	if s.store.Refused == nil {
		p.skipf("the Store has nothing that would be Refused")
	}
	sent := samples(s.value, 2)
	err := s.tryDispatch(sent[0], s.store.Refused(), sent[1])
	if err == nil {
		p.fatalf("an invalid dispatch was accepted")
	}
	if _, partly := errors.AsType[*ergon.BatchError](err); partly {
		p.wantFailures("a batch of which one is refused", err, false, 1)
	} else {
		sent = nil // then none is durable
	}
	p.wantSame(fmt.Sprintf("durable after %v", err), s.durable(len(sent)), sent)
}

func dispatchConcurrently(p *probe) {
	s := p.holding()
	sent := samples(s.value, 40)
	var sending sync.WaitGroup
	for part := range slices.Chunk(sent, 5) {
		p.goes(&sending, func() {
			dispatcher := as[ergon.Dispatcher](s)
			ctx, cancel := context.WithTimeout(p.ctx, patience)
			defer cancel()
			if err := dispatcher.DispatchTransactions(ctx, part); err != nil {
				p.errorf("DispatchTransactions concurrently with others: %v", err)
			}
		})
	}
	sending.Wait()
	p.wantSame("after eight batches were dispatched at once", s.durable(len(sent)), sent)
}

func dispatchRespectsItsContext(p *probe) {
	s := p.holding()
	sent := samples(s.value, 2)
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	var err error
	p.returns("DispatchTransactions with a context that has ended", func(context.Context) {
		dispatcher := as[ergon.Dispatcher](s)
		err = dispatcher.DispatchTransactions(ended, sent[:1])
	})
	want := sent
	if err != nil {
		want = sent[1:]
	}
	s.dispatch(sent[1])
	p.wantSame(fmt.Sprintf("durable after a context that had ended, for which it returned %v", err), s.durable(len(want)), want)
}
