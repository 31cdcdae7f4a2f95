package connectortest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

const (
	// patience is how long a call may take.
	patience = 10 * time.Second
	// pauseTime is the pause between two maxPolls at something that may take a moment, and maxPolls how many there are.
	pauseTime = 5 * time.Millisecond
	maxPolls  = 40
)

// stop ends a rule.
type stop struct{}

// probe is one rule at work.
type probe struct {
	t       *testing.T
	ctx     context.Context //nolint:containedctx // of the test that the probe is part of
	harness Harness
	needs   []need
	open    []*subject

	mu       sync.Mutex
	failures []string
	skipped  string
}

// needing has the rule skipped where the connector, once it is made, cannot do what the rule is about.
func (p *probe) needing(needs []need) *probe {
	p.needs = needs
	return p
}

func (p *probe) fail(failure string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, failure)
}

func (p *probe) errorf(format string, args ...any) { p.fail(fmt.Sprintf(format, args...)) }

// fatalf ends the rule. It is for the rule's own goroutine.
func (p *probe) fatalf(format string, args ...any) {
	p.errorf(format, args...)
	panic(stop{})
}

// skipf ends a rule that does not apply.
func (p *probe) skipf(format string, args ...any) {
	p.skipped = fmt.Sprintf(format, args...)
	panic(stop{})
}

// pause lets other goroutines work for a moment.
func (p *probe) pause() { time.Sleep(pauseTime) }

// subject is a connector under test, with its store.
type subject struct {
	*probe

	store Store
	value any
	// closed is set once it was closed, or is not to be.
	closed bool
}

// make makes a store that will hold these transactions, and a connector that is not opened.
func (p *probe) make(holds []ergon.Transaction) *subject {
	store := p.harness.New(p.t, holds)
	if store.Connector == nil {
		p.fatalf("Harness.New returned a Store without a Connector")
	}
	s := &subject{probe: p, store: store, value: store.Connector, closed: true}
	for _, need := range p.needs {
		if !need.met(s.value) {
			p.skipf("%T is not a %s", s.value, need.name)
		}
	}
	return s
}

// holding returns an open connector whose store holds these transactions; as dead letters, where it keeps those.
func (p *probe) holding(holds ...ergon.Transaction) *subject {
	s := p.make(holds)
	s.openIt()
	holds = asTaken(s.value, holds)
	if _, ok := capability.As[ergon.Dispatcher](s.value); ok && len(holds) > 0 {
		s.dispatch(holds...)
	}
	return s
}

// another is one more connector to the store, open. Where the store does not allow that beside s, s is closed before.
func (s *subject) another() *subject {
	if s.store.Another == nil {
		s.skipf("the Store has no Another")
	}
	if !s.harness.Shared {
		s.close()
	}
	other := &subject{probe: s.probe, store: s.store, value: s.store.Another()}
	other.openIt()
	return other
}

// otherQueue is another queue in the store of s, open.
func (s *subject) otherQueue() *subject {
	if s.store.OtherQueue == nil {
		s.skipf("the Store has no OtherQueue")
	}
	other := &subject{probe: s.probe, store: s.store, value: s.store.OtherQueue()}
	for _, need := range []need{fetches(), dispatches(), settles()} {
		if !need.met(other.value) {
			s.fatalf("Store.OtherQueue returned a %T, which is not a %s", other.value, need.name)
		}
	}
	other.openIt()
	return other
}

// openIt opens s, and makes a server that pushes push.
func (s *subject) openIt() {
	s.openQuietly()
	s.demand(plenty)
}

// openQuietly opens s as a command does that only looks.
func (s *subject) openQuietly() {
	s.closed = false
	s.open = append(s.open, s)
	if opener, ok := s.value.(ergon.Opener); ok {
		if err := opener.Open(s.ctx); err != nil {
			s.fatalf("Open: %v", err)
		}
	}
}

func (s *subject) close() {
	if s.closed {
		return
	}
	s.closed = true
	if closer, ok := s.value.(ergon.Closer); ok {
		s.returns("Close", func(ctx context.Context) {
			if err := closer.Close(ctx); err != nil {
				s.errorf("Close: %v", err)
			}
		})
	}
}

// closeAll closes what a rule left open, also where it was cut short.
func (p *probe) closeAll() {
	defer func() {
		if crash := recover(); crash != nil {
			if _, ok := crash.(stop); !ok {
				p.errorf("the connector panicked in Close: %v", crash)
			}
		}
	}()
	p.ctx = context.WithoutCancel(p.ctx)
	for _, s := range slices.Backward(p.open) {
		s.close()
	}
}

// returns runs a call that must come back within patience. What it panics with is passed on.
func (p *probe) returns(what string, call func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		call(ctx)
	}()
	late := time.NewTimer(patience + time.Second)
	defer late.Stop()
	select {
	case crash := <-done:
		if crash != nil {
			panic(crash)
		}
	case <-late.C:
		p.fatalf("%s has not returned %v after its context ended", what, time.Second)
	}
}

// goes runs part of a rule on another goroutine of group. What it panics with fails the rule.
func (p *probe) goes(group *sync.WaitGroup, part func()) {
	group.Go(func() {
		defer func() {
			if crash := recover(); crash != nil {
				p.errorf("the connector panicked: %v", crash)
			}
		}()
		part()
	})
}

// pass lets time pass for leases and delays.
func (s *subject) pass(d time.Duration) {
	if s.store.Pass != nil {
		s.store.Pass(d)
		return
	}
	time.Sleep(d) // in a bubble, or for a connector to something that has a clock of its own
}

// isExact reports whether no time passes but what pass lets pass.
func (s *subject) isExact() bool { return s.harness.Virtual || s.store.Pass != nil }

// as returns the connector as a T, which the needs of the rule say that it is.
func as[T any](s *subject) T {
	connector, ok := capability.As[T](s.value)
	if !ok {
		s.fatalf("it is no %s any more", reflect.TypeFor[T]())
	}
	return connector
}

// isLetters reports whether what is dispatched are dead letters.
func isLetters(connector any) bool { _, ok := capability.As[deadletter.Store](connector); return ok }
