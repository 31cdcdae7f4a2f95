package pipeline

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// outbound is one transaction that is prepared, and the context of that: the inbound transaction's attempt, with a scope that is
// made when it is asked for.
type outbound struct {
	context.Context //nolint:containedctx // of the inbound transaction's attempt, which it does not outlive
	*preparing

	tx      ergon.Transaction
	within  bool                // it has a slot already
	outputs []capability.Output // what it wants dispatched together with the inbound transaction's acknowledgement
	begun   *outboundAttempt    // the last attempt; nil: none, or no backoff follows it. Guarded by preparing.mu

	attempts outboundAttempts // of Prepare; those of the handlers that few have are made when these run
}

// Value answers what the context belongs to.
func (o *outbound) Value(key any) any {
	if key == spans.ScopeKey {
		s := &o.consumer.settings
		return &spans.Scope{Task: s.Task, Worker: s.Worker, TransactionID: o.tx.ID(), Identity: s.Identity}
	}
	return o.Context.Value(key)
}

// AfterFunc is that of the inbound transaction's attempt, so that contexts derived from this one start no goroutine either.
func (o *outbound) AfterFunc(f func()) (stop func() bool) { return o.inbound.AfterFunc(f) }

// prepare prepares it within a slot, and runs its handlers.
func (o *outbound) prepare() {
	if !o.within {
		select {
		case o.slots <- struct{}{}:
		case <-o.Done():
			return
		}
	}
	defer func() { <-o.slots }()
	watcher := o.consumer.watcher
	began := o.consumer.clock.Now()
	ctx, span := watcher.outboundStarted(o, &o.tx)
	failed := o.throttle(ctx)
	if failed == nil {
		failed = o.run(ctx)
	}
	if failed != nil && o.Err() == nil {
		o.except(ctx, failed)
	}
	if failed != nil {
		o.fail(&outboundError{id: o.tx.ID(), cause: failed})
	}
	o.slow.Store(o.consumer.clock.Now()-began > instant(inline.HandOffAfter))
	watcher.outboundEnded(ctx, span, o.tx, began, failed)
}

// throttle waits until the next may be begun.
func (o *outbound) throttle(ctx context.Context) *ergon.TransactionError {
	if o.limiter == nil {
		return nil
	}
	if err := o.limiter.Wait(ctx); err != nil {
		return &ergon.TransactionError{
			Category: ergon.CategoryTimeout, Phase: policy.PhasePrepare, TransactionID: o.tx.ID(),
			Err: fmt.Errorf("%w: the throttle leaves no room for it", ergon.ErrTransactionTimeout),
		}
	}
	return nil
}

// run prepares it and runs its success handler, both within the outbound transaction's timeout.
func (o *outbound) run(ctx context.Context) *ergon.TransactionError {
	ctx, cancel := o.bound(ctx)
	defer cancel()
	outputs, failed := o.runAttempts(ctx, lifecycle.Prepare, o.policy.Prepare.Retry, nil)
	if failed == nil && o.consumer.settings.Handlers.PrepareSuccess != nil {
		_, failed = o.runAttempts(ctx, lifecycle.Success, o.policy.Success.Retry, nil)
	}
	if failed == nil {
		o.outputs = outputs
		return nil
	}
	failed.TransactionID = o.tx.ID()
	return failed
}

// bound ends ctx at the outbound transaction's timeout. Where the inbound one's is not later, there is nothing to do.
func (o *outbound) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if !o.bounded() {
		return ctx, func() {}
	}
	clock := o.consumer.clock
	return context.WithDeadlineCause(ctx, clock.Time(clock.Now().After(o.policy.Loop.TransactionTimeout)), o.outOfTime)
}

// bounded reports whether an outbound transaction that begins now has a timeout of its own before the inbound one's.
func (o *outbound) bounded() bool {
	return o.outOfTime != nil && o.consumer.clock.Now().After(o.policy.Loop.TransactionTimeout) < o.inbound.Until
}

// except runs its exception handler: it has failed for good.
func (o *outbound) except(ctx context.Context, cause *ergon.TransactionError) {
	if o.consumer.settings.Handlers.PrepareException == nil {
		return
	}
	if _, failed := o.runAttempts(ctx, lifecycle.Exception, o.policy.Exception.Retry, cause); failed != nil {
		o.consumer.watcher.outboundHandlerFailed(ctx, failed)
	}
}
