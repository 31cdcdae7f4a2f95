package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// tries are the attempts of one handler of an outbound transaction. ergon.RunFn makes them: retried, with hard timeouts. What is
// added here is what a loop has to know of them.
type tries struct {
	*preparing

	i     int // which outbound transaction
	phase lifecycle.Phase
	retry policy.Retry
	last  *tried // guarded by preparing.mu
	ended bool   // likewise: there are no more
}

// tried is one attempt. It is returned, given up or, where it returns after that, late.
type tried struct {
	ctx   context.Context //nolint:containedctx // its own
	n     int             // counted from 1
	state atomic.Uint32
	began instant
}

// try runs a handler of the ith outbound transaction and returns what it wants dispatched together with the inbound
// transaction's acknowledgement.
func (p *preparing) try(
	ctx context.Context, i int, phase lifecycle.Phase, retry policy.Retry, handle func(context.Context) error,
) ([]capability.Output, *ergon.TransactionError) {
	t := &tries{preparing: p, i: i, phase: phase, retry: retry}
	outputs, err := ergon.RunFn(ctx, retry, func(ctx context.Context) ([]capability.Output, error) {
		return t.attempt(ctx, handle)
	}, ergon.RunOption{Name: phase.String()})
	t.over()
	failed, ok := errors.AsType[*ergon.TransactionError](err)
	switch {
	case err == nil:
		return outputs, nil
	case !ok:
		failed = &ergon.TransactionError{Err: err}
	}
	failed.Phase = nameOf(phase)
	return nil, failed
}

// attempt is called on a goroutine of its own. Only what an attempt collected that was in time is heard of.
func (t *tries) attempt(ctx context.Context, handle func(context.Context) error) (outputs []capability.Output, err error) {
	this := t.begin(ctx)
	event := lifecycle.System // a crash
	defer func() { t.end(this, event, err) }()
	collecting, collected := t.hop.collecting(ctx)
	err = handle(collecting)
	event = t.eventOf(err)
	if err != nil {
		return nil, err
	}
	return collected.take(), nil
}

func (t *tries) eventOf(err error) lifecycle.Event {
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

func (t *tries) begin(ctx context.Context) *tried {
	this := &tried{ctx: ctx, n: 1, began: t.consumer.clock.now()}
	t.mu.Lock()
	before := t.last
	if before != nil {
		this.n = before.n + 1
	}
	t.last = this
	if !t.ended {
		t.begun[t.i] = ctx //nolint:fatcontext // one for each attempt, in place of the one before
		if t.halting {
			t.haltAfter(ctx)
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
func (t *tries) end(this *tried, event lifecycle.Event, err error) {
	c := t.consumer
	if !this.state.CompareAndSwap(running, returned) {
		this.state.Store(gone)
		c.stats.abandoned.Add(-1)
		c.stats.late.Add(1)
		signal(c.headroomFreed)
		c.watcher.outboundLate(this.ctx, err)
		return
	}
	c.prepared(this.ctx, t.phase, event, c.clock.now()-this.began)
	again := event == lifecycle.System && this.n < t.retry.MaxAttempts
	t.mu.Lock()
	defer t.mu.Unlock()
	if !again && t.last == this {
		t.begun[t.i] = nil //nolint:fatcontext // there is none any more
	}
}

// giveUp counts an attempt whose handler has not returned although the next one begins, or there is none.
func (t *tries) giveUp(this *tried) {
	if !this.state.CompareAndSwap(running, expired) {
		return
	}
	c := t.consumer
	c.stats.abandoned.Add(1)
	time.AfterFunc(patience, func() {
		if this.state.Load() != gone {
			c.watcher.outboundStuck(this.ctx, c.stats.abandoned.Load())
		}
	})
	c.prepared(this.ctx, t.phase, lifecycle.Timeout, c.clock.now()-this.began)
}

// over is called after the last attempt.
func (t *tries) over() {
	t.mu.Lock()
	last := t.last
	t.ended, t.begun[t.i] = true, nil
	t.mu.Unlock()
	if last != nil {
		t.giveUp(last)
	}
}
