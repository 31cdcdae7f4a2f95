package pipeline

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// errPaused cancels the fetch in progress when a pause begins.
var errPaused = errors.New("the loop was paused")

// fetchGate is closed by a pause. Fetches run in a context that a pause cancels; between two pauses all share one. Safe for concurrent
// use.
type fetchGate struct {
	mu      sync.Mutex
	closed  atomic.Bool
	between atomic.Pointer[pausable] // nil before the loop runs, and if fetches must not be cancelled
}

type pausable struct {
	ctx    context.Context //nolint:containedctx // of the fetches between two pauses
	cancel context.CancelCauseFunc
	parent context.Context //nolint:containedctx // of those after the next
}

func (g *fetchGate) paused() bool { return g.closed.Load() }

// open lets pauses cancel fetches: their contexts are made from parent.
func (g *fetchGate) open(parent context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.openLocked(parent)
}

func (g *fetchGate) openLocked(parent context.Context) {
	ctx, cancel := context.WithCancelCause(parent)
	g.between.Store(&pausable{ctx: ctx, cancel: cancel, parent: parent})
}

// context is the context of a fetch; otherwise if a pause must not cancel it.
func (g *fetchGate) context(otherwise context.Context) context.Context {
	if p := g.between.Load(); p != nil {
		return p.ctx
	}
	return otherwise
}

func (g *fetchGate) pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed.Store(true)
	if p := g.between.Load(); p != nil {
		p.cancel(errPaused)
	}
}

func (g *fetchGate) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed.Load() {
		return
	}
	if p := g.between.Load(); p != nil {
		g.openLocked(p.parent)
	}
	g.closed.Store(false)
}
