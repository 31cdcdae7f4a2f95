package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// hybrid is what a loop prepares outbound transactions with: all inbound transactions share its slots and its throttle. Nil is
// a loop of a task that is no hybrid.
type hybrid struct {
	consumer *Consumer
	policy   policy.Producer
	slots    chan struct{} // holds one for each outbound transaction that is being prepared
	limiter  *rate.Limiter // nil: no throttle
	hop      *hop          // nil: whatever is prepared is dispatched at once
	inlineOK bool          // a single one may be prepared on its worker
	slow     atomic.Bool   // but not now: the last one took too long for that

	outOfTime error // what ends an outbound transaction at its timeout; nil: it has none

	mu         sync.Mutex
	inProgress map[*preparing]struct{} // way
	stopping   bool
}

// errReleased is why an inbound transaction is cut short by shutdown, because one that came out of it is in a backoff.
var errReleased = errors.New("in a backoff when the shutdown began")

func newHybrid(c *Consumer) *hybrid {
	s := c.settings
	if s.Handlers.Prepare == nil {
		return nil
	}
	h := &hybrid{
		consumer: c, policy: s.Producer, slots: make(chan struct{}, s.Producer.Loop.Concurrency.Value),
		inProgress: map[*preparing]struct{}{},
	}
	if t := s.Producer.Loop.Throttle; t.Rate > 0 {
		h.limiter = rate.NewLimiter(rate.Limit(t.Rate), t.Burst)
	}
	if limit := s.Producer.Loop.TransactionTimeout; limit > 0 {
		h.outOfTime = fmt.Errorf("%w of %s", ergon.ErrTransactionTimeout, limit)
	}
	h.inlineOK = h.limiter == nil && s.Handlers.PrepareSuccess == nil &&
		h.policy.Prepare.Retry.Timeout > inline.HandOffAfter && !c.pool.pinned
	if s.Handlers.PrepareSuccess == nil { // which is to run when it is durable
		h.hop = c.hop
	}
	return h
}

// prepare prepares what processing returned, all of it, within attempt a. What is to become durable with the inbound
// transaction's acknowledgement comes back as outputs.
//
// A single one is prepared by w itself. If w is caught in that, its successor comes here again and goes on.
func (h *hybrid) prepare(
	w *worker, a *handlerAttempt, result any,
) (outbound []ergon.Transaction, outputs []capability.Output, err error) {
	p := w.unprepared
	w.unprepared = nil
	if p == nil {
		outbound, err = h.consumer.settings.Handlers.Outbound(*a.tx, result)
		if err != nil || len(outbound) == 0 {
			return outbound, nil, err
		}
		p = newPreparing(h, a, outbound)
		if len(outbound) == 1 && p.outbound[0].runInline(w) {
			return outbound, p.outbound[0].outputs, nil
		}
	} else {
		outbound = []ergon.Transaction{p.outbound[0].tx}
	}
	h.begin(p)
	defer p.end()
	p.all()
	if err := p.err(); err != nil {
		return nil, nil, err
	}
	if len(p.outbound) == 1 {
		return outbound, p.outbound[0].outputs, nil
	}
	for i := range p.outbound {
		outputs = append(outputs, p.outbound[i].outputs...)
	}
	return outbound, outputs, nil
}

// begin counts p as under way, until it ends.
func (h *hybrid) begin(p *preparing) {
	h.mu.Lock()
	h.inProgress[p] = struct{}{}
	stopping := h.stopping
	h.mu.Unlock()
	if stopping {
		p.halt()
	}
}

func (h *hybrid) end(p *preparing) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.inProgress, p)
}

// stop ends every backoff, now and from now on: a shutdown has begun [R1].
func (h *hybrid) stop() {
	if h == nil {
		return
	}
	h.mu.Lock()
	h.stopping = true
	under := make([]*preparing, 0, len(h.inProgress))
	for p := range h.inProgress {
		under = append(under, p)
	}
	h.mu.Unlock()
	for _, p := range under {
		p.halt()
	}
}

// outboundError is why an inbound transaction failed in its prepare phase.
type outboundError struct {
	id    string
	cause *ergon.TransactionError
}

// Error leaves category and attempts to the error that wraps it.
func (e *outboundError) Error() string {
	if e.cause.Phase == policy.PhasePrepare {
		return fmt.Sprintf("outbound transaction %s: %v", e.id, e.cause.Err)
	}
	return fmt.Sprintf("outbound transaction %s: %s: %v", e.id, e.cause.Phase, e.cause.Err)
}

func (e *outboundError) Unwrap() error { return e.cause }

// ofOutbound has err, the error of a prepare phase that failed for good, tell of the outbound transaction's own attempts.
func ofOutbound(err *ergon.TransactionError) {
	read := foreign.Of(err.Err)
	if read == nil {
		return
	}
	of, ok := read.Returned().(*outboundError)
	if !ok {
		return
	}
	err.Attempts, err.First, err.Stack = of.cause.Attempts, of.cause.First, of.cause.Stack
	if err.Category != ergon.CategoryTimeout {
		err.Category = of.cause.Category
	}
}

// prepared observes an attempt to prepare an outbound transaction.
func (c *Consumer) prepared(ctx context.Context, phase lifecycle.Phase, event lifecycle.Event, took instant) {
	s := c.stats.nextShard()
	if phase == lifecycle.Prepare {
		s.phases[phase].observe(took)
	}
	if event == lifecycle.Timeout {
		s.timeouts.Add(1)
	}
	c.watcher.outboundAttemptEnded(ctx, phase, event, s, took)
}
