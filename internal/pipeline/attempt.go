package pipeline

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/fence"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
)

// The owners of an attempt. It begins running; whoever changes that owns the transaction's lifecycle from then on.
const (
	running   uint32 = iota
	returned         // the handler came back in time; its worker owns the lifecycle
	expired          // the deadline came first; the watchdog owns it
	abandoned        // shutdown came first
	gone             // given up, and the handler has come back since
)

// handlerAttempt is the context of one attempt to run a handler, and the place where its ownership is decided. It is never used again. It is small,
// because one is made for every call of a handler; nothing is made for cancellation until somebody asks for Done, or the
// attempt is cancelled. It may outlive its flight, so it does not know it.
type handlerAttempt struct {
	home     *slab
	tx       *ergon.Transaction
	deadline instant // always set: every attempt is bounded
	state    atomic.Pointer[contextState]
	owner    atomic.Uint32
	mark     mark
}

var _ context.Context = (*handlerAttempt)(nil)

// mark is which attempt of which phase it is, and whether its deadline is the transaction's, in one word.
type mark uint32

const (
	markBudget mark = 1 << 2
	markNumber      = 3 // bits to the left
)

func markOf(phase lifecycle.Phase, number int32) mark {
	return mark(number)<<markNumber | mark(phase)
}

func (m mark) phase() lifecycle.Phase { return lifecycle.Phase(m & (markBudget - 1)) }
func (m mark) number() int            { return int(m >> markNumber) }
func (m mark) byBudget() bool         { return m&markBudget != 0 }

// take decides who owns the lifecycle; exactly one caller gets true.
func (a *handlerAttempt) take(owner uint32) bool { return a.owner.CompareAndSwap(running, owner) }

// finish ends the context of an attempt whose handler returned in time.
func (a *handlerAttempt) finish() {
	if e := a.state.Load(); e != nil {
		e.end(context.Canceled, nil)
	}
}

// cancel ends the context early; the handler still owns its attempt.
func (a *handlerAttempt) cancel(err, cause error) { a.observed().end(err, cause) }

func (a *handlerAttempt) Deadline() (time.Time, bool) { return a.home.consumer.clock.Time(a.deadline), true }

func (a *handlerAttempt) Done() <-chan struct{} { return a.observed().channel() }

func (a *handlerAttempt) Err() error {
	if e := a.state.Load(); e != nil {
		if err := e.ended(); err != nil {
			return err
		}
	}
	if a.owner.Load() == returned {
		return context.Canceled
	}
	return nil
}

func (a *handlerAttempt) Value(key any) any {
	switch key {
	case spans.ScopeKey:
		return a.scope()
	case fence.Key{}:
		return a
	}
	if e := a.state.Load(); e != nil {
		if v := e.causeValue(key); v != nil {
			return v
		}
	}
	return a.values().Value(key)
}

// GivenUp reports whether the lifecycle has gone on without the handler [T1].
func (a *handlerAttempt) GivenUp() bool { return a.owner.Load() > returned }

// AfterFunc keeps contexts derived from this one from starting a goroutine each: package context looks for it.
func (a *handlerAttempt) AfterFunc(f func()) (stop func() bool) { return a.observed().afterFunc(f) }

// values is what the attempt inherits its values from; it is never cancelled.
func (a *handlerAttempt) values() context.Context {
	if e := a.state.Load(); e != nil && e.traced != nil {
		return e.traced
	}
	return a.home.consumer.values
}

// observed returns the state, made now if need be. An attempt that is over already ends what is made late.
func (a *handlerAttempt) observed() *contextState {
	e := a.state.Load()
	if e == nil {
		e = &contextState{}
		if !a.state.CompareAndSwap(nil, e) {
			e = a.state.Load()
		}
	}
	if a.owner.Load() == returned {
		e.end(context.Canceled, nil)
	}
	return e
}

func (a *handlerAttempt) scope() *spans.Scope {
	s := &a.home.consumer.settings
	return &spans.Scope{
		Task: s.Task, Worker: s.Worker, TransactionID: a.tx.ID(),
		Phase: string(a.home.consumer.phaseOf(a.mark.phase())), Attempt: a.mark.number(), Identity: s.Identity,
	}
}
