package pipeline

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
)

// hybridOf is what a loop prepares outbound transactions with. pinned: its workers keep their OS threads. It is nil if the task produces
// nothing.
func hybridOf(s *Settings, c clock, watch *outboundWatch, pinned bool, hop *hop) *hybrid {
	if s.Handlers.Prepare == nil {
		return nil
	}
	return newHybrid(hybridParts{
		handlers: &s.Handlers, policy: s.Producer, scope: spans.Scope{Task: s.Task, Worker: s.Worker, Identity: s.Identity}, clock: c,
		observer: watch, traced: watch.watcher.spans.on, pinned: pinned, hop: hop,
	})
}

// unprepared is a preparation that a worker was caught in, and the attempt that it belongs to. The worker's successor continues with it.
type unprepared struct {
	inbound     *handlerAttempt
	preparation *preparation
}

// prepare prepares everything that processing returned, within attempt a. What becomes durable together with the inbound transaction's
// acknowledgement is in outputs. A single outbound transaction is prepared by w itself; if w is caught in that, its successor comes
// here again and continues.
func (w *worker) prepare(a *handlerAttempt, result any) (outbound []ergon.Transaction, outputs []capability.Output, err error) {
	h, p := w.caller.hybrid, w.unprepared.preparation
	w.unprepared = unprepared{}
	if p != nil {
		outbound = []ergon.Transaction{p.outbound[0].tx}
	} else {
		outbound, err = h.handlers.Outbound(*a.tx, result)
		if err != nil || len(outbound) == 0 {
			return outbound, nil, err
		}
		p = newPreparation(h, a, a.Until, outbound)
		if w.prepareInline(a, p) {
			return outbound, p.outputs(), nil
		}
	}
	if err := p.run(); err != nil {
		return nil, nil, err
	}
	return outbound, p.outputs(), nil
}

// prepareInline makes the first attempt on w's own goroutine, and reports whether that was enough. Otherwise p continues with it: on this
// goroutine if the attempt failed in time, on that of w's successor if it was slow. In the latter case the call does not return to w,
// which ends with it.
func (w *worker) prepareInline(a *handlerAttempt, p *preparation) bool {
	call := p.inlineCall()
	if call == nil {
		return false
	}
	began := p.hybrid.clock.Now()
	if !runInline(w, call, func() { w.handOff(unprepared{a, p}) }) {
		return false
	}
	p.finishInline(call.Result(), began)
	return true
}

// handOff starts a worker that continues with an attempt of w, which is caught in a preparation.
func (w *worker) handOff(u unprepared) {
	successor := w.pool.successor(w.slot, w.running, lifecycle.Run)
	successor.unprepared = u
	go w.pool.work(successor)
}

// inlineCall is the first attempt to prepare a single outbound transaction, for its worker to make. It is nil if it may not: if a
// throttle, a success handler, a span or an earlier timeout applies, if the last one was slow, or if no slot is free. A
// call on its own goroutine costs more than a handler that only collects its dispatch for the hop.
func (p *preparation) inlineCall() *inline.Call[[]capability.Output] {
	h, o := p.hybrid, &p.outbound[0]
	if len(p.outbound) > 1 || !h.mayInline || !h.inlineOK.Load() {
		return nil
	}
	if _, earlier := h.deadline(p.until); earlier {
		return nil
	}
	select {
	case h.slots <- struct{}{}:
		o.hasSlot = true
	default:
		return nil
	}
	retry := h.policy.Prepare.Retry
	o.attempts.init(o, lifecycle.Prepare, retry.MaxAttempts)
	call := inline.New(o, retry.Timeout, o.attempts.attempt, nil)
	o.attempts.inline.Store(call)
	return call
}

// finishInline is called when that attempt was enough: it does what prepare does after an attempt.
func (p *preparation) finishInline(outputs []capability.Output, began instant) {
	h, o := p.hybrid, &p.outbound[0]
	o.attempts.close()
	o.outputs = outputs
	<-h.slots
	h.observer.Ended(o, trace.SpanFromContext(context.Background()), o.tx, began, nil)
}
