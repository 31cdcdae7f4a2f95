package pipeline

import (
	"context"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// attend begins probes while nothing more is fetched. When nothing is in flight any more, or the loop is stopped, what is still held is
// requeued.
func (l *fetchLoop) attend(ctx context.Context) {
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
	l.endWaiting(l.outage.expired(l.policy.HoldAtMost), lifecycle.Interrupted)
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
