package pipeline

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// fence gives up deliveries that are the source's again: handlers are cancelled, results are discarded, and nothing is settled but by
// calls in progress. What ended and waits for its turn ends at once.
func (h handle) fence(of []*delivery) {
	flights := map[*flight]bool{}
	fenced := map[*ergon.Transaction]bool{}
	touched := map[*window]bool{}
	h.table.mu.Lock()
	for _, e := range of {
		if !isOpen(e) {
			continue
		}
		e.fate = fateFenced
		fenced[e.tx] = true
		if e.flight != nil {
			e.flight.lost.Store(true)
			flights[e.flight] = true
		}
		if e.window != nil {
			touched[e.window] = true
			h.table.orphanLocked(e)
		}
	}
	for w := range touched {
		w.compact()
		h.table.dirty = append(h.table.dirty, w)
	}
	orphans := len(h.table.orphans) > 0
	h.table.tellLocked()
	h.table.mu.Unlock()
	for _, r := range h.table.parts.running() {
		if fenced[r.Attempt.tx] {
			r.Attempt.End(context.Canceled, capability.ErrStaleDelivery)
		}
	}
	h.table.parts.end(h.table.parts.takeOut(flights), lifecycle.LeaseLost)
	if orphans {
		h.table.parts.wake()
	}
}

// leaveBehind cancels the calls that still settle some of these deliveries.
func (h handle) leaveBehind(of []*delivery) {
	h.table.mu.Lock()
	defer h.table.mu.Unlock()
	settling := map[*flight]bool{}
	for _, e := range of {
		if isSettling(e) {
			settling[e.flight] = true
		}
	}
	for call := range h.table.calls {
		for _, f := range call.batch {
			if settling[f] {
				call.cut = true
				call.cancel(capability.ErrStaleDelivery)
				break
			}
		}
	}
}
