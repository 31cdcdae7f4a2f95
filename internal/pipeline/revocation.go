package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// lastMoment is how long a settlement in progress has once the time of a revocation is over.
const lastMoment = time.Second

// handle is what a source gets of a loop that it is attached to.
type handle struct {
	table *deliveries
	woken chan struct{} // ends the rest of the fetch loop
}

var _ capability.Deliveries = handle{}

// Wake is that of [capability.Deliveries].
func (h handle) Wake() { signal(h.woken) }

// Lost is that of [capability.Deliveries].
func (h handle) Lost(match func(ergon.Delivery) bool) {
	filter, of := h.matching(match)
	h.end(filter)
	if len(of) > 0 {
		h.fence(of)
		h.table.parts.revoked(len(of), true)
	}
}

// Revoke is that of [capability.Deliveries]. It waits at most until lastMoment after ctx has ended.
func (h handle) Revoke(ctx context.Context, match func(ergon.Delivery) bool) {
	filter, of := h.matching(match)
	defer h.end(filter)
	if len(of) == 0 {
		return
	}
	h.table.parts.revoked(len(of), false)
	h.endUnstarted(of)
	if h.waitWhile(ctx, of, isLive) {
		return
	}
	h.fence(of)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastMoment)
	defer cancel()
	if !h.waitWhile(last, of, isSettling) {
		h.leaveBehind(of)
	}
}

// waitWhile waits until no delivery is such a one, and reports false if ctx ends first. It ends with the loop as well.
func (h handle) waitWhile(ctx context.Context, of []*delivery, such func(*delivery) bool) bool {
	for {
		changed := h.await(of, such)
		if changed == nil {
			return true
		}
		select {
		case <-changed:
		case <-h.table.over:
			return true
		case <-ctx.Done():
			return h.await(of, such) == nil
		}
	}
}

// await returns a channel that is closed when something changes; nil if no delivery is such a one.
func (h handle) await(of []*delivery, such func(*delivery) bool) <-chan struct{} {
	h.table.mu.Lock()
	defer h.table.mu.Unlock()
	if !slices.ContainsFunc(of, such) {
		return nil
	}
	if h.table.changed == nil {
		h.table.changed = make(chan struct{})
	}
	return h.table.changed
}
