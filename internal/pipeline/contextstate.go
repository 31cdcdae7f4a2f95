package pipeline

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/trace"
)

// contextState is what only some attempts need: a span, and how their context ends.
type contextState struct {
	span   trace.Span      // nil when nothing is recorded; set before the attempt starts
	traced context.Context //nolint:containedctx // carries the span; values only

	mu    sync.Mutex
	done  chan struct{}   // nil until somebody asks
	err   error           // nil while the attempt goes on
	cause context.Context //nolint:containedctx // a cancelled one, for context.Cause; nil without a cause
	after *pending
}

// pending is a func that waits for the end of the context, in a row of them: the newest first.
type pending struct {
	f            func() // nil: it runs already, or was taken back
	newer, older *pending
}

func (e *contextState) end(err, cause error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return
	}
	if cause != nil {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(cause)
		e.cause = ctx
	}
	e.err = err
	if e.done != nil {
		close(e.done)
	}
	for p := e.after; p != nil; p = p.older {
		go p.f()
		p.f = nil
	}
	e.after = nil
}

func (e *contextState) ended() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

func (e *contextState) channel() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done == nil {
		e.done = make(chan struct{})
		if e.err != nil {
			close(e.done)
		}
	}
	return e.done
}

func (e *contextState) causeValue(key any) any {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cause == nil {
		return nil
	}
	return e.cause.Value(key)
}

func (e *contextState) afterFunc(f func()) (stop func() bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		go f()
		return func() bool { return false }
	}
	p := &pending{f: f, older: e.after}
	if e.after != nil {
		e.after.newer = p
	}
	e.after = p
	return func() bool { return e.takeBack(p) }
}

// takeBack reports whether it kept p from running.
func (e *contextState) takeBack(p *pending) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p.f == nil {
		return false
	}
	p.f = nil
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		e.after = p.older
	}
	if p.older != nil {
		p.older.newer = p.newer
	}
	return true
}
