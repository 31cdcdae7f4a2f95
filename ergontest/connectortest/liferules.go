package connectortest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func lifeRules() []rule {
	return []rule{
		{
			name: "CloseWithoutOpenIsHarmless", needs: []need{closes()}, check: closeWithoutOpen,
			why: "the runner also closes a component that failed to open, or that was never opened because another one failed.",
		},
		{
			name: "ClosingTwiceIsHarmless", needs: []need{closes()}, check: closeTwice,
			why: "a signal and an error may both start a shutdown. The second close must neither panic nor wait.",
		},
		{
			name: "UseWithoutOpenDoesNotPanic", needs: []need{opens()}, check: useWithoutOpen,
			why: "a program may forget to open the connector. An error says that, a nil pointer does not.",
		},
		{
			name: "UseAfterCloseIsAnError", needs: []need{closes()}, check: useAfterClose,
			why: "an abandoned handler may continue at any time. Its calls must then return an error, and neither panic nor block.",
		},
		{
			name: "CloseEndsAFetchThatWaits", needs: []need{closes(), fetches()}, check: closeEndsFetch,
			why: "an abandoned fetch must neither outlive its connector nor delay its closing.",
		},
		{
			name: "UnsettledComesAgainAfterClose", needs: []need{closes(), fetches(), settles()}, check: unsettledComesAgain,
			why: "transactions that were in flight when a process ended are delivered to the next process; acknowledged ones are not.",
		},
		{
			name: "NoGoroutineIsLeftBehind", needs: []need{closes()}, check: noGoroutineLeft,
			why: "a restarted worker opens everything again. Goroutines that remain after each run add up until the process fails.",
		},
	}
}

func closeWithoutOpen(p *probe) {
	s := p.make(numbered(1))
	s.closed = false
	s.close()
}

func closeTwice(p *probe) {
	s := p.holding(numbered(1)...)
	s.close()
	s.closed = false
	s.close()
}

func useWithoutOpen(p *probe) {
	s := p.make(numbered(1))
	s.closed = false
	s.open = append(s.open, s)
	for _, use := range s.uses(nil) {
		_ = use() // an error, unless it is usable without being opened
	}
}

func useAfterClose(p *probe) {
	s := p.holding(numbered(2)...)
	var delivered []ergon.Transaction
	if fetches().met(s.value) && settles().met(s.value) {
		delivered = s.fetchAll(1)
	}
	s.close()
	for name, use := range s.uses(delivered) {
		if err := use(); err == nil {
			p.errorf("%s after Close returned no error", name)
		}
	}
}

// uses are the calls that need an open connector.
func (s *subject) uses(delivered []ergon.Transaction) map[string]func() error {
	uses := map[string]func() error{}
	if fetches().met(s.value) {
		uses["FetchTransactions"] = func() error {
			_, err := s.tryFetch(1)
			return err
		}
	}
	if dispatches().met(s.value) {
		uses["DispatchTransactions"] = func() error { return s.tryDispatch(samples(s.value, 1)...) }
	}
	if settles().met(s.value) && len(delivered) > 0 {
		uses["SettleTransactions"] = func() error { return s.trySettle(ack(), delivered...) }
	}
	if leases().met(s.value) && len(delivered) > 0 {
		uses["ExtendLeases"] = func() error { return s.tryExtend(delivered...) }
	}
	if resolves().met(s.value) {
		uses["FetchTransactionByID"] = func() error {
			_, err := s.tryResolve("t-1")
			return err
		}
	}
	return uses
}

func closeEndsFetch(p *probe) {
	s := p.holding()
	fetched := make(chan any, 1)
	go func() {
		defer func() { fetched <- recover() }()
		ctx, cancel := context.WithTimeout(p.ctx, 2*patience)
		defer cancel()
		_, _ = as[ergon.Fetcher](s).FetchTransactions(ctx, 1)
	}()
	s.pause()
	s.close()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case crash := <-fetched:
		if crash != nil {
			panic(crash)
		}
	case <-late.C:
		p.errorf("the fetch has not returned %v after Close", patience)
		<-fetched
	}
}

func unsettledComesAgain(p *probe) {
	holds := numbered(4)
	s := p.holding(holds...)
	if s.store.Another == nil {
		p.skipf("the Store has no Another")
	}
	got := s.fetchAll(3)
	s.ack(got[0])
	s.close()
	if keeper, ok := capability.As[capability.LeaseKeeper](s.value); ok {
		s.pass(2 * keeper.LeaseDuration())
	}
	var want []ergon.Transaction
	for _, tx := range holds {
		if text(tx) != text(got[0]) {
			want = append(want, tx)
		}
	}
	other := s.another()
	other.wantNext("delivered by another connector", want)
}

// noGoroutineLeft marks what the connector starts, so that goroutines of other tests do not count.
func noGoroutineLeft(p *probe) {
	mark := fmt.Sprintf("%s %p", p.t.Name(), p)
	pprof.Do(p.ctx, pprof.Labels("connectortest", mark), func(context.Context) {
		s := p.holding(numbered(3)...)
		if fetches().met(s.value) {
			got := s.fetchAll(2)
			if settles().met(s.value) {
				s.ack(got...)
			}
		}
		s.close()
	})
	for range 4 * maxPolls {
		if len(marked(mark)) == 0 {
			return
		}
		p.pause()
	}
	p.errorf("goroutines that have not ended after Close:\n%s", strings.Join(marked(mark), "\n"))
}

// marked returns the stacks of goroutines with that label.
func marked(label string) []string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return []string{err.Error()}
	}
	var stacks []string
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, label) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}
