package attempt

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/trace"
)

// State is what only some attempts need: a span, and how their context ends. The zero value is ready to use, by one attempt.
type State struct {
	span   trace.Span      // nil when nothing is recorded; set before the attempt starts
	values context.Context //nolint:containedctx // carries the span; values only

	mu    sync.Mutex
	done  chan struct{}   // nil until somebody asks
	err   error           // nil while the attempt continues
	cause context.Context //nolint:containedctx // a cancelled one, for context.Cause; nil without a cause
	after *pending
}

// pending is a func that waits for the end of the context, in a row of them: the newest first.
type pending struct {
	f            func() // nil: it runs already, or was taken back
	newer, older *pending
}

func (s *State) end(err, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	if cause != nil {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(cause)
		s.cause = ctx
	}
	s.err = err
	if s.done != nil {
		close(s.done)
	}
	for p := s.after; p != nil; p = p.older {
		go p.f()
		p.f = nil
	}
	s.after = nil
}

func (s *State) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *State) channel() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.err != nil {
			close(s.done)
		}
	}
	return s.done
}

func (s *State) causeValue(key any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause == nil {
		return nil
	}
	return s.cause.Value(key)
}

func (s *State) afterFunc(f func()) (stop func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		go f()
		return func() bool { return false }
	}
	p := &pending{f: f, older: s.after}
	if s.after != nil {
		s.after.newer = p
	}
	s.after = p
	return func() bool { return s.takeBack(p) }
}

// takeBack reports whether it kept p from running.
func (s *State) takeBack(p *pending) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.f == nil {
		return false
	}
	p.f = nil
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		s.after = p.older
	}
	if p.older != nil {
		p.older.newer = p.newer
	}
	return true
}
