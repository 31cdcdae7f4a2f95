package pipeline

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ergon-go/ergon"
)

// preparing is the preparing of what came out of one inbound transaction. Once one of them has failed for good those that run
// are finished, and no other is begun.
type preparing struct {
	*hybrid

	inbound  *handlerAttempt
	ctx      context.Context //nolint:containedctx // the attempt's, which it does not outlive
	release  context.CancelFunc
	outbound []outbound
	single   [1]outbound // the memory of outbound where there is only one, which is the rule

	mu      sync.Mutex
	failed  *outboundError // the first
	halting bool
}

func newPreparing(h *hybrid, a *handlerAttempt, txs []ergon.Transaction) *preparing {
	p := &preparing{hybrid: h, inbound: a, ctx: a, release: func() {}}
	if h.consumer.watcher.tracing { // a span would hide the attempt's AfterFunc, so that each context below it had a goroutine
		p.ctx, p.release = context.WithCancel(a)
	}
	p.outbound = p.single[:]
	if len(txs) > 1 {
		p.outbound = make([]outbound, len(txs))
	}
	for i, tx := range txs {
		p.outbound[i] = outbound{Context: p.ctx, preparing: p, tx: tx}
	}
	return p
}

func (p *preparing) end() {
	p.hybrid.end(p)
	p.release()
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
		p.outbound[0].prepare()
		return
	}
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(p.outbound) && p.err() == nil; i = int(next.Add(1)) - 1 {
			p.outbound[i].prepare()
		}
	}
	var beside sync.WaitGroup
	for range min(len(p.outbound), cap(p.slots)) - 1 {
		beside.Go(work)
	}
	work()
	beside.Wait()
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
	for i := range p.outbound {
		p.haltAfter(p.outbound[i].begun)
	}
}

// haltAfter looks again when the attempt has ended. The lock is held.
func (p *preparing) haltAfter(last *outboundAttempt) {
	if last != nil {
		context.AfterFunc(last, p.haltInBackoff)
	}
}

func (p *preparing) haltInBackoff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.outbound {
		if last := p.outbound[i].begun; last != nil && last.Err() != nil {
			p.inbound.End(context.Canceled, errReleased)
			return
		}
	}
}
