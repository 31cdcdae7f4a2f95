package pipeline

import (
	"context"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/fence"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
)

// handlerAttempt is one call of a handler, and the context that the handler gets. It may outlive its flight, so it does not refer to it.
type handlerAttempt struct {
	attempt.Attempt // always has a deadline

	home *flightBatch
	tx   *ergon.Transaction
}

var _ context.Context = (*handlerAttempt)(nil)

// mark is the phase and number of an attempt, and whether its deadline is the transaction's, in one word.
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

func (a *handlerAttempt) Deadline() (time.Time, bool) {
	return a.home.loop.clock.Time(a.Until), true
}

func (a *handlerAttempt) Value(key any) any {
	switch key {
	case spans.ScopeKey:
		return a.scope()
	case fence.Key{}:
		return a
	}
	return a.ValueFrom(a.home.loop.values, key)
}

func (a *handlerAttempt) mark() mark { return mark(a.Mark) }

func (a *handlerAttempt) scope() *spans.Scope {
	loop := a.home.loop
	return &spans.Scope{
		Task: loop.task, Worker: loop.worker, TransactionID: a.tx.ID(),
		Phase: string(phaseOf(loop.produces, a.mark().phase())), Attempt: a.mark().number(), Identity: loop.identity,
	}
}

// inherited is what the contexts of all attempts of a loop share. They read nothing else of the loop, which they may outlive.
type inherited struct {
	clock                  clock
	values                 context.Context //nolint:containedctx // never cancelled; set once, before the first fetch
	task, worker, identity string
	produces               bool
}
