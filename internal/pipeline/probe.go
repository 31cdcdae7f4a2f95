package pipeline

import (
	"context"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// attend sees to the probes of an outage when nothing more is fetched. What is held in one when the loop is told to stop by
// itself, goes back.
func (i *fetchLoop) attend(ctx context.Context) {
	if !i.outage.enabled() {
		return
	}
	for ctx.Err() == nil && i.capacity.unsettled.Load() > 0 {
		do, wait := probeLater, time.Duration(0)
		if !i.gate.paused() {
			do, wait = i.outage.nextProbe(true)
		}
		if do != probeBegun && !i.waitFor(ctx, wait) {
			break
		}
	}
	i.endWaiting(i.outage.close(), lifecycle.Interrupted)
}

// probe sees to the next probe of an outage, and returns what it has fetched for it; false when ctx ends.
func (i *fetchLoop) probe(ctx context.Context) (*fetched, bool) {
	i.endWaiting(i.outage.expired(i.loop.HoldAtMost), lifecycle.Interrupted)
	do, wait := i.outage.nextProbe(i.nothing)
	if do == probeFetch {
		wait = i.pause()
		if i.order.full() || wait > 0 {
			do = probeLater
		}
	}
	switch do {
	case probeBegun:
		i.nothing = false
		return nil, true
	case probeFetch:
		return i.fetch(i.begin(1)), true
	case probeLater:
	}
	return nil, i.waitFor(ctx, wait)
}
