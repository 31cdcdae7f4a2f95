package pipeline

import (
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// What a preparation needs of a loop.
type (
	OutboundObserver = outboundObserver
	InboundAttempt   = inboundAttempt
)

// Preparation is a preparation that no loop has.
type Preparation struct{ p *preparation }

// NewPreparation prepares txs within an attempt that ends after limit.
func NewPreparation(
	task *ergon.Task, p policy.Producer, o OutboundObserver, inbound InboundAttempt, limit time.Duration, txs ...ergon.Transaction,
) Preparation {
	clock := attempt.NewClock()
	h := newHybrid(hybridParts{handlers: task, policy: p, scope: spans.Scope{Task: "task"}, clock: clock, observer: o})
	return Preparation{newPreparation(h, inbound, clock.Now().After(limit), txs)}
}

// Run prepares them.
func (p Preparation) Run() error { return p.p.run() }

// Stop begins a shutdown.
func (p Preparation) Stop() { p.p.hybrid.stop() }

// RunInline makes the first attempt on the caller's goroutine, as a worker does, and reports whether it may and that was enough.
func (p Preparation) RunInline(by inline.Caller, handOff func()) (may, enough bool) {
	call := p.p.inlineCall()
	if call == nil {
		return false, false
	}
	began := p.p.hybrid.clock.Now()
	if !call.Run(by, handOff) {
		return true, false
	}
	p.p.finishInline(call.Result(), began)
	return true, true
}

// Collector is that of an attempt to prepare tx whose dispatches to the source's store are collected.
type Collector struct{ *collector }

// NewCollector makes one.
func NewCollector(tx *ergon.Transaction) Collector { return Collector{&collector{tx: tx, hop: &hop{}}} }

// Take is called when the attempt has returned.
func (c Collector) Take() []capability.Output { return c.take() }

// Verdict is what a loop with these settings does with a transaction whose lifecycle has ended: "outcome, settlement". canRequeue: its
// source settles; lasts: an outage does.
func Verdict(s Settings, canRequeue, lasts, produces bool, o lifecycle.Outcome, d ergon.Disposition, category ergon.Category) string {
	s.produces = produces
	out := &outage{}
	out.on.Store(lasts)
	j := newJudge(s, canRequeue, out)
	v := j.of(o, &failure{disposition: d, cause: &ergon.TransactionError{Category: category}})
	settled := v.action.String()
	switch {
	case v.skip:
		settled = "not settled"
	case v.interrupted:
		settled += " uncounted"
	case v.action == policy.SettleRequeue:
		settled += " " + v.delay.String()
	case v.dead:
		settled = "letter, " + settled
	}
	return v.outcome.String() + ", " + settled
}

// Payloads reads payloads without a loop.
type Payloads struct {
	headroom headroom
	p        payloads
}

// NewPayloads makes one.
func NewPayloads() *Payloads {
	p := &Payloads{}
	p.headroom.init(1)
	p.p = newPayloads(&p.headroom)
	return p
}

// Abandoned is how many payloads hang.
func (p *Payloads) Abandoned() int64 { return p.headroom.used() }

// HeadroomFreed hears when one of them has returned.
func (p *Payloads) HeadroomFreed() <-chan struct{} { return p.headroom.freed }

// Read returns what was read of each, as text, and of those that were not read the error.
func (p *Payloads) Read(txs ...ergon.Transaction) (texts []string) {
	for _, got := range p.p.read(txs) {
		if got.err != nil {
			texts = append(texts, got.err.Error())
			continue
		}
		texts = append(texts, fmt.Sprintf("%s", got.value))
	}
	return texts
}

// Headroom opens headroom to tests, without a loop.
type Headroom struct{ h headroom }

// NewHeadroom bears so many.
func NewHeadroom(most int) *Headroom {
	h := &Headroom{}
	h.h.init(most)
	return h
}

// GiveUp counts one more.
func (h *Headroom) GiveUp() { h.h.giveUp() }

// ReturnLate counts one less.
func (h *Headroom) ReturnLate() { h.h.returned() }

// IsFull reports whether no attempt may start.
func (h *Headroom) IsFull() bool { return h.h.isFull() }

// Wait waits for room.
func (h *Headroom) Wait() (ok, last bool) { return h.h.wait() }

// Patience is how long that takes.
const Patience = patience

// SetWallClock has the loop look at another wall clock for the ends of leases. It is for before Run.
func (c *Consumer) SetWallClock(now func() time.Time) { c.leases.now = now }
