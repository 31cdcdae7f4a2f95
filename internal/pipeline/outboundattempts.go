package pipeline

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// outboundAttempts are the attempts of one handler of an outbound transaction. ergon.RunFn makes them: retried, with hard timeouts. What is
// added here is what a loop has to know of them.
type outboundAttempts struct {
	*outbound

	phase  lifecycle.Phase
	most   int                                              // how many there may be
	inline atomic.Pointer[inline.Call[[]capability.Output]] // the first, where a worker has made it and nobody has adopted it yet
	cause  *ergon.TransactionError                          // what an exception handler is told
	first  outboundAttempt                                  // most handlers need no other
	last   *outboundAttempt                                 // guarded by preparing.mu
	ended  bool                                             // likewise: there are no more
}

// runAttempts runs a handler of the outbound transaction and returns what it wants dispatched together with the inbound transaction's
// acknowledgement.
func (o *outbound) runAttempts(
	ctx context.Context, phase lifecycle.Phase, retry policy.Retry, cause *ergon.TransactionError,
) ([]capability.Output, *ergon.TransactionError) {
	t := &o.attempts
	if phase != lifecycle.Prepare {
		t = &outboundAttempts{}
	}
	if t.outbound == nil {
		t.outbound, t.phase, t.most, t.cause = o, phase, retry.MaxAttempts, cause
	}
	outputs, err := ergon.RunFn(ctx, retry, t.next, ergon.RunOption{Name: phase.String()})
	if first := t.inline.Swap(nil); first != nil { // there was no attempt any more
		first.Drop()
	}
	t.over()
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

// next is called on a goroutine of its own.
func (t *outboundAttempts) next(ctx context.Context) ([]capability.Output, error) {
	if first := t.inline.Swap(nil); first != nil {
		return first.Adopt(ctx)
	}
	return t.attempt(ctx)
}

// runInline has w make the first attempt, and reports whether that was enough. Otherwise it is for prepare to go on with it.
func (o *outbound) runInline(w *worker) bool {
	h := o.hybrid
	if !h.inlineOK || h.slow.Load() || h.consumer.watcher.tracing || o.bounded() {
		return false
	}
	select {
	case h.slots <- struct{}{}:
		o.within = true
	default:
		return false
	}
	t := &o.attempts
	t.outbound, t.phase, t.most = o, lifecycle.Prepare, h.policy.Prepare.Retry.MaxAttempts
	began := h.consumer.clock.Now()
	call := inline.New(o, h.policy.Prepare.Retry.Timeout, t.attempt, nil)
	t.inline.Store(call)
	if !runInline(w, call, func() { w.handOff(o.preparing) }) {
		return false
	}
	t.over()
	o.outputs = call.Result()
	<-h.slots
	h.consumer.watcher.outboundEnded(o, trace.SpanFromContext(context.Background()), o.tx, began, nil)
	return true
}

// attempt is one attempt. Only what an attempt collected that was in time is heard of.
func (t *outboundAttempts) attempt(ctx context.Context) (outputs []capability.Output, err error) {
	this := t.begin(ctx)
	event := lifecycle.System // a crash
	defer func() { t.end(this, event, err) }()
	err = t.handle(this)
	event = t.eventOf(err)
	if err != nil {
		return nil, err
	}
	return this.collector.take(), nil
}

func (t *outboundAttempts) handle(ctx context.Context) error {
	handlers := &t.consumer.settings.Handlers
	switch t.phase {
	case lifecycle.Success:
		return handlers.PrepareSuccess(ctx, t.tx)
	case lifecycle.Exception:
		return handlers.PrepareException(ctx, t.tx, foreign.CopyAsReturned(t.cause))
	default:
		return handlers.Prepare(ctx, t.tx)
	}
}

func (t *outboundAttempts) eventOf(err error) lifecycle.Event {
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

func (t *outboundAttempts) begin(ctx context.Context) *outboundAttempt {
	began := t.consumer.clock.Now()
	t.mu.Lock()
	this, before := &t.first, t.last
	if before != nil {
		this = &outboundAttempt{n: before.n}
	}
	this.Context, this.began = ctx, began
	this.collector.of, this.collector.hop = t.outbound, t.hop
	this.n++
	t.last = this
	if !t.ended {
		t.begun = this
		if t.halting {
			t.haltAfter(this)
		}
	}
	t.mu.Unlock()
	if before != nil {
		t.giveUp(before)
		t.consumer.stats.shards[0].retries.Add(1)
	}
	return this
}

// end is called when the handler has returned, in time or not.
func (t *outboundAttempts) end(this *outboundAttempt, event lifecycle.Event, err error) {
	c := t.consumer
	if !this.owner.Return() {
		this.owner.ComeBack()
		c.stats.abandoned.Add(-1)
		c.stats.late.Add(1)
		signal(c.headroomFreed)
		c.watcher.outboundLate(this.Context, err)
		return
	}
	c.prepared(this.Context, t.phase, event, c.clock.Now()-this.began)
	again := event == lifecycle.System && this.n < t.most
	t.mu.Lock()
	defer t.mu.Unlock()
	if !again && t.last == this {
		t.begun = nil
	}
}

// giveUp counts an attempt whose handler has not returned although the next one begins, or there is none.
func (t *outboundAttempts) giveUp(this *outboundAttempt) {
	if !this.owner.Expire() {
		return
	}
	c := t.consumer
	c.stats.abandoned.Add(1)
	c.stuckCheck.later(func() {
		if !this.owner.CameBack() {
			c.watcher.outboundStuck(this.Context, c.stats.abandoned.Load())
		}
	})
	c.prepared(this.Context, t.phase, lifecycle.Timeout, c.clock.Now()-this.began)
}

// over is called after the last attempt.
func (t *outboundAttempts) over() {
	t.mu.Lock()
	last := t.last
	t.ended, t.begun = true, nil
	t.mu.Unlock()
	if last != nil {
		t.giveUp(last)
	}
}
