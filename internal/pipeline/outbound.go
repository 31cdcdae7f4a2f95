package pipeline

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// outbound is one outbound transaction and the context in which it is prepared: that of the inbound attempt, with a scope of its own.
type outbound struct {
	context.Context //nolint:containedctx // of the inbound attempt, which it does not outlive

	hybrid      *hybrid
	preparation *preparation
	tx          ergon.Transaction
	hasSlot     bool                // of hybrid.slots
	outputs     []capability.Output // what becomes durable together with the inbound transaction's acknowledgement
	retryable   *outboundAttempt    // the last attempt, if a backoff may follow it; guarded by preparation.mu

	attempts outboundAttempts // of Prepare. The other handlers, which few tasks have, make theirs when they run
}

// Value answers the outbound transaction's scope. It is made on demand, because few handlers ask for it.
func (o *outbound) Value(key any) any {
	if key == spans.ScopeKey {
		scope := o.hybrid.scope
		scope.TransactionID = o.tx.ID()
		return &scope
	}
	return o.Context.Value(key)
}

// AfterFunc is that of the inbound attempt, so that contexts derived from this one start no goroutine either.
func (o *outbound) AfterFunc(f func()) (stop func() bool) { return o.preparation.afterFunc(f) }

// prepare prepares it in a slot, and runs its handlers. Without a slot it waits, at most until the inbound attempt ends. The slot is
// held during backoffs as well: the policy's concurrency bounds what is in progress, not what computes.
func (o *outbound) prepare() {
	h := o.hybrid
	if !o.hasSlot {
		select {
		case h.slots <- struct{}{}:
		case <-o.Done():
			return
		}
	}
	defer func() { <-h.slots }()
	began := h.clock.Now()
	ctx, span := h.observer.Started(o, &o.tx)
	failed := o.throttle(ctx)
	if failed == nil {
		failed = o.run(ctx)
	}
	if failed != nil && o.Err() == nil {
		o.except(ctx, failed)
	}
	if failed != nil {
		o.preparation.fail(&outboundError{id: o.tx.ID(), cause: failed})
	}
	h.inlineOK.Store(h.clock.Now()-began <= instant(inline.HandOffAfter))
	h.observer.Ended(ctx, span, o.tx, began, failed)
}

// throttle waits until the next may begin. The throttle refuses at once what could not begin before the deadline.
func (o *outbound) throttle(ctx context.Context) *ergon.TransactionError {
	if o.hybrid.limiter == nil {
		return nil
	}
	if err := o.hybrid.limiter.Wait(ctx); err != nil {
		return &ergon.TransactionError{
			Category: ergon.CategoryTimeout, Phase: policy.PhasePrepare, TransactionID: o.tx.ID(),
			Err: fmt.Errorf("%w: the throttle leaves no room for it", ergon.ErrTransactionTimeout),
		}
	}
	return nil
}

// run prepares it and runs its success handler, both within the outbound transaction's timeout [T3].
func (o *outbound) run(ctx context.Context) *ergon.TransactionError {
	h := o.hybrid
	if at, earlier := h.deadline(o.preparation.until); earlier {
		bounded, cancel := context.WithDeadlineCause(ctx, h.clock.Time(at), h.outOfTime)
		defer cancel()
		ctx = bounded
	}
	outputs, failed := o.attempts.run(ctx, o, lifecycle.Prepare, h.policy.Prepare.Retry)
	if failed == nil && h.handlers.PrepareSuccess != nil {
		_, failed = (&outboundAttempts{}).run(ctx, o, lifecycle.Success, h.policy.Success.Retry)
	}
	if failed == nil {
		o.outputs = outputs
		return nil
	}
	failed.TransactionID = o.tx.ID()
	return failed
}

// except runs the exception handler of one that has failed permanently. If that fails as well, it is reported and changes nothing: the
// inbound transaction fails for cause.
func (o *outbound) except(ctx context.Context, cause *ergon.TransactionError) {
	h := o.hybrid
	if h.handlers.PrepareException == nil {
		return
	}
	if _, failed := (&outboundAttempts{cause: cause}).run(ctx, o, lifecycle.Exception, h.policy.Exception.Retry); failed != nil {
		h.observer.ExceptionHandlerFailed(ctx, failed)
	}
}

// call calls the handler of a phase; cause is for the exception handler, which gets a copy [F3].
func (o *outbound) call(ctx context.Context, phase lifecycle.Phase, cause *ergon.TransactionError) error {
	handlers := o.hybrid.handlers
	switch phase {
	case lifecycle.Success:
		return handlers.PrepareSuccess(ctx, o.tx)
	case lifecycle.Exception:
		return handlers.PrepareException(ctx, o.tx, foreign.CopyAsReturned(cause))
	default:
		return handlers.Prepare(ctx, o.tx)
	}
}
