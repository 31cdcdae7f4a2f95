package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// preparing is the preparing of what came out of one inbound transaction. Once one of them has failed for good those that run
// are finished, and no other is begun.
type preparing struct {
	*hybrid

	inbound   *ergon.Transaction
	outbound  []ergon.Transaction
	ctx       context.Context //nolint:containedctx // of the attempt, which it does not outlive
	release   context.CancelCauseFunc
	collected [][]capability.Output // by the outbound transaction; whoever prepares that owns it

	mu      sync.Mutex
	failed  *outboundError    // the first
	begun   []context.Context // the last attempt for each; nil: none, or no backoff follows it
	halting bool
}

func newPreparing(h *hybrid, a *attempt, outbound []ergon.Transaction) *preparing {
	p := &preparing{hybrid: h, inbound: a.tx, outbound: outbound}
	p.ctx, p.release = context.WithCancelCause(a)
	p.collected, p.begun = make([][]capability.Output, len(outbound)), make([]context.Context, len(outbound))
	h.begin(p)
	return p
}

func (p *preparing) end() {
	p.hybrid.end(p)
	p.release(nil)
}

// err returns why not all of them could be prepared.
func (p *preparing) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cause := context.Cause(p.ctx)
	if p.failed != nil && !errors.Is(cause, errReleased) {
		return p.failed
	}
	return cause
}

// all prepares them, as many at once as there are slots. It returns as soon as the attempt's context ends.
func (p *preparing) all() {
	if len(p.outbound) == 1 {
		p.one(0)
		return
	}
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(p.outbound) && p.err() == nil; i = int(next.Add(1)) - 1 {
			p.one(i)
		}
	}
	var beside sync.WaitGroup
	for range min(len(p.outbound), cap(p.slots)) - 1 {
		beside.Go(work)
	}
	work()
	beside.Wait()
}

// one prepares the ith within a slot.
func (p *preparing) one(i int) {
	tx := p.outbound[i]
	select {
	case p.slots <- struct{}{}:
	case <-p.ctx.Done():
		return
	}
	defer func() { <-p.slots }()
	began := p.consumer.clock.now()
	scope := spans.Scope{Task: p.consumer.settings.Task, Worker: p.consumer.settings.Worker, TransactionID: tx.ID()}
	ctx, span := p.consumer.watcher.outboundStarted(spans.WithScope(p.ctx, scope), *p.inbound, &tx)
	failed := p.throttle(ctx, tx)
	if failed == nil {
		failed = p.run(ctx, i, tx)
	}
	if failed != nil && p.ctx.Err() == nil {
		p.except(ctx, i, tx, failed)
	}
	if failed != nil {
		p.fail(&outboundError{id: tx.ID(), cause: failed})
	}
	p.consumer.watcher.outboundEnded(ctx, span, tx, p.consumer.clock.now()-began, failed)
}

// throttle waits until the next may be begun.
func (p *preparing) throttle(ctx context.Context, tx ergon.Transaction) *ergon.TransactionError {
	if p.limiter == nil {
		return nil
	}
	if err := p.limiter.Wait(ctx); err != nil {
		return &ergon.TransactionError{
			Category: ergon.CategoryTimeout, Phase: policy.PhasePrepare, TransactionID: tx.ID(),
			Err: fmt.Errorf("%w: the throttle leaves no room for it", ergon.ErrTransactionTimeout),
		}
	}
	return nil
}

// run prepares the ith and runs its success handler.
func (p *preparing) run(ctx context.Context, i int, tx ergon.Transaction) *ergon.TransactionError {
	if limit := p.policy.Loop.TransactionTimeout; limit > 0 {
		end := time.Now().Add(limit)
		if deadline, ok := ctx.Deadline(); !ok || end.Before(deadline) {
			bounded, cancel := context.WithDeadlineCause(ctx, end, fmt.Errorf("%w of %s", ergon.ErrTransactionTimeout, limit))
			defer cancel()
			ctx = bounded
		}
	}
	handlers := &p.consumer.settings.Handlers
	outputs, failed := p.try(ctx, i, lifecycle.Prepare, p.policy.Prepare.Retry, func(ctx context.Context) error {
		return handlers.Prepare(ctx, tx)
	})
	if failed == nil && handlers.PrepareSuccess != nil {
		_, failed = p.try(ctx, i, lifecycle.Success, p.policy.Success.Retry, func(ctx context.Context) error {
			return handlers.PrepareSuccess(ctx, tx)
		})
	}
	if failed == nil {
		p.collected[i] = outputs
		return nil
	}
	failed.TransactionID = tx.ID()
	return failed
}

// except runs the exception handler of the ith, which has failed for good.
func (p *preparing) except(ctx context.Context, i int, tx ergon.Transaction, cause *ergon.TransactionError) {
	handle := p.consumer.settings.Handlers.PrepareException
	if handle == nil {
		return
	}
	_, failed := p.try(ctx, i, lifecycle.Exception, p.policy.Exception.Retry, func(ctx context.Context) error {
		return handle(ctx, tx, cause)
	})
	if failed != nil {
		p.consumer.watcher.outboundHandlerFailed(ctx, failed)
	}
}

func (p *preparing) fail(err *outboundError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = err
	}
}

// halt cuts p short as soon as one of them is in a backoff: a shutdown has begun.
func (p *preparing) halt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.halting = true
	for _, attempt := range p.begun {
		p.haltAfter(attempt)
	}
}

// haltAfter looks again when the attempt has ended. The lock is held.
func (p *preparing) haltAfter(attempt context.Context) {
	if attempt != nil {
		context.AfterFunc(attempt, p.haltInBackoff)
	}
}

func (p *preparing) haltInBackoff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, attempt := range p.begun {
		if attempt != nil && attempt.Err() != nil {
			p.release(errReleased)
			return
		}
	}
}
