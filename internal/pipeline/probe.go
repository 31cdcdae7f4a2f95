package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// What the fetch loop does next in an outage.
type probing int

const (
	probeLater probing = iota // after a while, or when something has happened
	probeFetch                // fetch one
	probeBegun
)

// nextProbe begins a probe if it is time for one, with a transaction that is held and was not tried too often. Without one the caller
// fetches it. If nothing else can be fetched, one that was tried too often is tried again.
func (o *outage) nextProbe(nothingElse bool) (do probing, wait time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock.Now()
	switch {
	case !o.on.Load() || o.capacity.atPool() > len(o.held):
		return probeLater, 0
	case now < o.next:
		return probeLater, time.Duration(o.next - now)
	}
	at := o.candidateLocked(nothingElse)
	if at < 0 {
		return probeFetch, 0
	}
	f := o.held[at]
	o.held = slices.Delete(o.held, at, at+1)
	o.probe = f
	o.pool.submit([]*flight{f}, nil)
	return probeBegun, 0
}

// wantsProbe reports whether a transaction has to be fetched for the next probe, or how long it is until that may be; 0: something else
// happens before. It changes nothing.
func (o *outage) wantsProbe() (wanted bool, wait time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch now := o.clock.Now(); {
	case !o.on.Load() || o.probe != nil || o.capacity.atPool() > len(o.held):
		return false, 0
	case now < o.next:
		return false, time.Duration(o.next - now)
	default:
		return o.candidateLocked(false) < 0, 0
	}
}

// candidateLocked returns the index of the held transaction that is the next probe; -1 for none.
func (o *outage) candidateLocked(nothingElse bool) int {
	best, least := -1, o.policy.MaxSameProbes()
	for i, f := range o.held {
		if n := o.tried[f.tx.ID()]; n < least || (nothingElse && best < 0) {
			best, least = i, n
		}
		if least == 0 {
			break
		}
	}
	return best
}

// probeRest begins probes while nothing more is fetched. When nothing is in flight any more, or the loop is stopped, what is still held is
// requeued.
func (l *fetchLoop) probeRest(ctx context.Context) {
	if !l.outage.enabled() {
		return
	}
	for ctx.Err() == nil && l.capacity.unsettled.Load() > 0 {
		do, wait := probeLater, time.Duration(0)
		if !l.gate.paused() {
			do, wait = l.outage.nextProbe(true)
		}
		if do != probeBegun && !l.waitFor(ctx, wait) {
			break
		}
	}
	l.endWaiting(l.outage.close(), lifecycle.Interrupted)
}

// probe begins the next probe of an outage if it is time for one, and returns what it has fetched for it; false if ctx ends.
func (l *fetchLoop) probe(ctx context.Context) (*fetched, bool) {
	if l.canRequeue {
		l.endWaiting(l.outage.expired(l.policy.HoldAtMost), lifecycle.Interrupted)
	}
	do, wait := l.outage.nextProbe(l.nothing)
	if do == probeFetch {
		wait = l.pace.untilNext(l.filling.next)
		if l.capacity.keysFull() || wait > 0 {
			do = probeLater
		}
	}
	switch do {
	case probeBegun:
		l.nothing = false
		return nil, true
	case probeFetch:
		return l.fetch(l.begin(1)), true
	case probeLater:
	}
	return nil, l.waitFor(ctx, wait)
}
