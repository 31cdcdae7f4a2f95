package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
)

// The owners of an attempt. It begins running; whoever changes that owns the transaction's lifecycle from then on.
const (
	running   uint32 = iota
	returned         // the handler came back in time; its worker owns the lifecycle
	expired          // the deadline came first; the watchdog owns it
	abandoned        // shutdown came first
)

// attempt is the context of one attempt, and the place where its ownership is decided. It is never used again.
// Nothing is made for cancellation until somebody asks for Done, or the attempt is cancelled.
type attempt struct {
	flight   *flight // read by whoever owns the lifecycle; what is only seen uses home and id
	home     *slab
	id       string         // of the transaction
	traced   *tracedAttempt // nil when nothing is recorded
	deadline instant        // always set: every attempt is bounded
	number   int32
	owner    atomic.Uint32
	ending   atomic.Pointer[ending]
	phase    lifecycle.Phase
	byBudget bool // the deadline is the transaction's, not the attempt's
}

var _ context.Context = (*attempt)(nil)

// ending is how an attempt's context ends.
type ending struct {
	mu    sync.Mutex
	done  chan struct{}
	err   error           // nil while the attempt goes on
	cause context.Context // a cancelled context that carries the cause for context.Cause; nil without one
	after map[*func()]struct{}
}

// tracedAttempt is the attempt's span, and the context that carries it.
type tracedAttempt struct {
	ctx  context.Context //nolint:containedctx // values only
	span trace.Span
}

// values is what the attempt inherits its values from; it is never cancelled.
func (a *attempt) values() context.Context {
	if a.traced != nil {
		return a.traced.ctx
	}
	return a.home.consumer.values
}

// take decides who owns the lifecycle; exactly one caller gets true.
func (a *attempt) take(owner uint32) bool { return a.owner.CompareAndSwap(running, owner) }

// finish ends the context of an attempt whose handler returned in time.
func (a *attempt) finish() {
	if e := a.ending.Load(); e != nil {
		e.end(context.Canceled, nil)
	}
}

// cancel ends the context early; the handler still owns its attempt.
func (a *attempt) cancel(err, cause error) { a.observed().end(err, cause) }

func (a *attempt) Deadline() (time.Time, bool) {
	if a.deadline == 0 {
		return time.Time{}, false
	}
	return a.home.consumer.clock.time(a.deadline), true
}

func (a *attempt) Done() <-chan struct{} { return a.observed().done }

func (a *attempt) Err() error {
	if e := a.ending.Load(); e != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.err
	}
	if a.owner.Load() == returned {
		return context.Canceled
	}
	return nil
}

func (a *attempt) Value(key any) any {
	if key == spans.ScopeKey {
		return a.scope()
	}
	if e := a.ending.Load(); e != nil {
		if v := e.causeValue(key); v != nil {
			return v
		}
	}
	return a.values().Value(key)
}

// AfterFunc keeps contexts derived from this one from starting a goroutine each: package context looks for it.
func (a *attempt) AfterFunc(f func()) (stop func() bool) { return a.observed().afterFunc(f) }

// observed returns the ending, made now if need be. An attempt that is over already ends what is made late.
func (a *attempt) observed() *ending {
	e := a.ending.Load()
	if e == nil {
		e = &ending{done: make(chan struct{})}
		if !a.ending.CompareAndSwap(nil, e) {
			e = a.ending.Load()
		}
	}
	if a.owner.Load() == returned {
		e.end(context.Canceled, nil)
	}
	return e
}

func (a *attempt) scope() *spans.Scope {
	return &spans.Scope{
		Task: a.home.consumer.settings.Task, Worker: a.home.consumer.settings.Worker,
		TransactionID: a.id, Phase: a.phase.String(), Attempt: int(a.number),
	}
}

func (e *ending) end(err, cause error) {
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
	close(e.done)
	for f := range e.after {
		go (*f)()
	}
	e.after = nil
}

func (e *ending) causeValue(key any) any {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cause == nil {
		return nil
	}
	return e.cause.Value(key)
}

func (e *ending) afterFunc(f func()) (stop func() bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		go f()
		return func() bool { return false }
	}
	if e.after == nil {
		e.after = map[*func()]struct{}{}
	}
	e.after[&f] = struct{}{}
	return func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		_, pending := e.after[&f]
		delete(e.after, &f)
		return pending
	}
}
