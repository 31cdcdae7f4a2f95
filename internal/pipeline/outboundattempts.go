package pipeline

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// outboundAttempts are the attempts of one handler of an outbound transaction. ergon.RunFn makes them, with retries and hard
// timeouts; this type adds what the loop needs of each attempt: how it ended, whether its handler came back, and
// whether a backoff may follow.
//
// RunFn calls next for each attempt and does not report a timeout. So an attempt whose handler has not returned is given up when the
// next one begins, or when RunFn returns, and its duration is measured up to then.
type outboundAttempts struct {
	hybrid      *hybrid
	preparation *preparation
	of          *outbound

	phase       lifecycle.Phase
	maxAttempts int
	cause       *ergon.TransactionError // for the exception handler

	// inline is the first attempt, if a worker has made it and nobody has adopted it yet. The worker sets it; whoever adopts or drops
	// the call swaps it to nil [decision 44].
	inline atomic.Pointer[inline.Call[[]capability.Output]]

	first  outboundAttempt  // most handlers need no other
	last   *outboundAttempt // guarded by preparation.mu
	closed bool             // likewise: no other will follow
}

func (t *outboundAttempts) init(o *outbound, phase lifecycle.Phase, maxAttempts int) {
	t.hybrid, t.preparation, t.of, t.phase, t.maxAttempts = o.hybrid, o.preparation, o, phase, maxAttempts
}

// run runs the handler of that phase and returns what becomes durable together with the inbound transaction's acknowledgement.
func (t *outboundAttempts) run(
	ctx context.Context, o *outbound, phase lifecycle.Phase, retry policy.Retry,
) ([]capability.Output, *ergon.TransactionError) {
	if t.of == nil { // a worker has not made the first attempt
		t.init(o, phase, retry.MaxAttempts)
	}
	outputs, err := ergon.RunFn(ctx, retry, t.next, ergon.SpanName(phase.String()))
	if first := t.inline.Swap(nil); first != nil { // RunFn made no attempt
		first.Drop()
	}
	t.close()
	if err == nil {
		return outputs, nil
	}
	failed, ok := errors.AsType[*ergon.TransactionError](err)
	if !ok {
		failed = &ergon.TransactionError{Err: err}
	}
	failed.Phase = nameOf(phase)
	failed.Err, failed.First = foreign.Read(failed.Err), foreign.Read(failed.First)
	return nil, failed
}

// next is called by RunFn for each attempt, on a goroutine of its own. The first may be in progress already, on a worker's.
func (t *outboundAttempts) next(ctx context.Context) ([]capability.Output, error) {
	if first := t.inline.Swap(nil); first != nil {
		return first.Adopt(ctx)
	}
	return t.attempt(ctx)
}

// attempt makes one attempt. What it dispatched to the source's store counts only if it returns in time.
func (t *outboundAttempts) attempt(ctx context.Context) (outputs []capability.Output, err error) {
	a := t.begin(ctx)
	event := lifecycle.System // a crash
	defer func() { t.end(a, event, err) }()
	err = t.of.call(a, t.phase, t.cause)
	event = eventOfOutbound(err)
	if err != nil {
		return nil, err
	}
	return a.collector.take(), nil
}

func eventOfOutbound(err error) lifecycle.Event {
	switch {
	case err == nil:
		return lifecycle.OK
	case ergon.CategoryOf(err) == ergon.CategoryBusiness:
		return lifecycle.Business
	case (&ergon.TransactionError{Err: err}).IsPermanent():
		return lifecycle.Permanent
	default:
		return lifecycle.System
	}
}

// begin makes the next attempt and gives up the one before, if its handler has not returned.
func (t *outboundAttempts) begin(ctx context.Context) *outboundAttempt {
	began, p := t.hybrid.clock.Now(), t.preparation
	p.mu.Lock()
	a, before := &t.first, t.last
	if before != nil {
		a = &outboundAttempt{number: before.number}
	}
	a.Context, a.began = ctx, began
	a.collector.tx, a.collector.hop = &t.of.tx, t.hybrid.hop
	a.number++
	t.last = a
	if !t.closed {
		t.of.retryable = a
		if p.halting {
			p.haltAfter(a)
		}
	}
	p.mu.Unlock()
	if before != nil {
		t.giveUp(before)
		t.hybrid.observer.Retried()
	}
	return a
}

// end is called when the handler has returned, in time or not. An attempt that will be retried stays noted as retryable: its backoff
// begins now.
func (t *outboundAttempts) end(a *outboundAttempt, event lifecycle.Event, err error) {
	if !a.owner.Return() {
		a.owner.ReturnLate()
		t.hybrid.observer.ReturnedLate(a.Context, err)
		return
	}
	t.hybrid.observer.Attempted(a.Context, t.phase, event, t.hybrid.clock.Now()-a.began)
	retried := event == lifecycle.System && a.number < t.maxAttempts
	t.preparation.mu.Lock()
	defer t.preparation.mu.Unlock()
	if !retried && t.last == a {
		t.of.retryable = nil
	}
}

// close is called after the last attempt.
func (t *outboundAttempts) close() {
	t.preparation.mu.Lock()
	last := t.last
	t.closed, t.of.retryable = true, nil
	t.preparation.mu.Unlock()
	if last != nil {
		t.giveUp(last)
	}
}

// giveUp ends an attempt whose handler has not returned [T2].
func (t *outboundAttempts) giveUp(a *outboundAttempt) {
	if a.owner.Expire() {
		t.hybrid.observer.GivenUp(a.Context, a.owner.ReturnedLate)
		t.hybrid.observer.Attempted(a.Context, t.phase, lifecycle.Timeout, t.hybrid.clock.Now()-a.began)
	}
}
