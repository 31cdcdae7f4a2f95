package pipeline

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// preparation prepares the outbound transactions of one inbound transaction, within its attempt [B3]. After one has failed permanently,
// those in progress are finished, and no other is begun.
//
// At a shutdown an outbound transaction in a backoff has no time for another attempt, so the inbound one is requeued [R1]. RunFn does
// not tell when a backoff begins. It shows in this: the context of the last attempt has ended, and the attempt is still noted as
// retryable. That is looked at when the shutdown begins, and at the end of each attempt from then on.
type preparation struct {
	hybrid  *hybrid
	inbound inboundAttempt
	until   instant         // the inbound attempt's deadline
	ctx     context.Context //nolint:containedctx // the inbound attempt's, which it does not outlive
	release context.CancelFunc

	outbound []outbound
	single   [1]outbound // the memory of outbound if there is only one, which is the rule

	mu      sync.Mutex     // guards what follows, and the fields of outbound and outboundAttempts that say so
	failed  *outboundError // the first
	halting bool           // a shutdown has begun
}

// inboundAttempt is the attempt of an inbound transaction in its prepare phase.
type inboundAttempt interface {
	context.Context
	AfterFunc(f func()) (stop func() bool)
	End(err, cause error)
}

func newPreparation(h *hybrid, inbound inboundAttempt, until instant, txs []ergon.Transaction) *preparation {
	p := &preparation{hybrid: h, inbound: inbound, until: until, ctx: inbound, release: func() {}}
	if h.traced { // a span would hide the attempt's AfterFunc, so that each context below it had a goroutine
		p.ctx, p.release = context.WithCancel(inbound)
	}
	p.outbound = p.single[:]
	if len(txs) > 1 {
		p.outbound = make([]outbound, len(txs))
	}
	for i, tx := range txs {
		p.outbound[i] = outbound{Context: p.ctx, hybrid: h, preparation: p, tx: tx}
	}
	return p
}

// run prepares all of them and returns why that was not possible. It returns as soon as the inbound attempt ends.
func (p *preparation) run() error {
	p.hybrid.begin(p)
	defer p.end()
	p.prepareAll()
	return p.err()
}

func (p *preparation) end() {
	p.hybrid.end(p)
	p.release()
}

// outputs are what becomes durable together with the inbound transaction's acknowledgement.
func (p *preparation) outputs() (all []capability.Output) {
	if len(p.outbound) == 1 {
		return p.outbound[0].outputs
	}
	for i := range p.outbound {
		all = append(all, p.outbound[i].outputs...)
	}
	return all
}

// prepareAll prepares as many at once as there are slots. The caller's goroutine is one of those that do, so a single one costs none.
func (p *preparation) prepareAll() {
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
	var others sync.WaitGroup
	for range min(len(p.outbound), cap(p.hybrid.slots)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// err returns why p has to end: a shutdown, the first failure, or the end of the inbound attempt; nil to continue.
func (p *preparation) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cause := context.Cause(p.ctx)
	if p.failed != nil && !errors.Is(cause, errReleased) {
		return p.failed
	}
	return cause
}

func (p *preparation) fail(err *outboundError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = err
	}
}

// afterFunc calls f when the inbound attempt ends.
func (p *preparation) afterFunc(f func()) (stop func() bool) { return p.inbound.AfterFunc(f) }

// halt ends p as soon as one of its outbound transactions is in a backoff.
func (p *preparation) halt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.halting = true
	for i := range p.outbound {
		if last := p.outbound[i].retryable; last != nil {
			p.haltAfter(last)
		}
	}
}

// haltAfter looks for a backoff when an attempt has ended. The lock is held.
func (p *preparation) haltAfter(a *outboundAttempt) { context.AfterFunc(a, p.haltInBackoff) }

func (p *preparation) haltInBackoff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.outbound {
		if last := p.outbound[i].retryable; last != nil && last.Err() != nil {
			p.inbound.End(context.Canceled, errReleased)
			return
		}
	}
}
