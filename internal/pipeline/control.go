package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ergon-go/ergon/policy"
)

// MostConcurrency is the highest concurrency that a running loop can be set to.
const MostConcurrency = 1_000_000

// ErrAdapts is returned where a concurrency is to be set that adapts by itself.
var ErrAdapts = errors.New("the concurrency adapts between loop.concurrency.min and max; leave those out to set it by hand")

// CheckConcurrency reports why a loop of this policy could not be set to run n at once.
func CheckConcurrency(p policy.Concurrency, n int) error {
	switch {
	case n < 1 || n > MostConcurrency:
		return fmt.Errorf("concurrency %d: must be from 1 to %d; to stop taking work, pause", n, MostConcurrency)
	case p.Adapts():
		return ErrAdapts
	default:
		return nil
	}
}

// SetConcurrency changes how many run at once, from now on: what runs above a lowered number ends as it would. Safe for
// concurrent use.
func (c *Consumer) SetConcurrency(n int) error {
	if err := CheckConcurrency(c.settings.Policy.Loop.Concurrency, n); err != nil {
		return err
	}
	c.pool.setLimit(n)
	signal(c.capacity.available)
	return nil
}

// errPaused ends a fetch that is under way when a pause begins.
var errPaused = errors.New("the loop was paused")

// fetchGate is what a pause closes: fetches run in a context that ends with it. Between two pauses all share one.
type fetchGate struct {
	mu      sync.Mutex
	closed  atomic.Bool
	between atomic.Pointer[pausable] // nil before the loop runs, and where fetches are not to be cancelled
}

type pausable struct {
	ctx    context.Context //nolint:containedctx // of the fetches between two pauses
	cancel context.CancelCauseFunc
	parent context.Context //nolint:containedctx // of those after the next
}

func (g *fetchGate) paused() bool { return g.closed.Load() }

// open has fetches run in contexts made from parent.
func (g *fetchGate) open(parent context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.openLocked(parent)
}

func (g *fetchGate) openLocked(parent context.Context) {
	ctx, cancel := context.WithCancelCause(parent)
	g.between.Store(&pausable{ctx: ctx, cancel: cancel, parent: parent})
}

// context is what a fetch runs in; otherwise where a pause is not to cancel it.
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

// Pause has the loop fetch nothing more until Resume; what was fetched goes on, but for what waits for its next attempt. It holds
// once Pause has returned: a fetch that is under way is cancelled, and what it brings all the same goes back to the source at
// once or, where the source takes nothing back, waits for Resume. A paused loop does not come to its natural end. Safe for concurrent use.
func (c *Consumer) Pause() {
	c.gate.pause()
	c.waiting.recall()
}

// Resume ends a pause.
func (c *Consumer) Resume() {
	c.gate.resume()
	c.waiting.call()
	signal(c.capacity.available)
}

// Pause is [Consumer.Pause].
func (p *Producer) Pause() { p.loop.Pause() }

// Resume is [Consumer.Resume].
func (p *Producer) Resume() { p.loop.Resume() }

// SetConcurrency is [Consumer.SetConcurrency].
func (p *Producer) SetConcurrency(n int) error { return p.loop.SetConcurrency(n) }
