package pipeline

import "github.com/ergon-go/ergon/internal/lifecycle"

// matching returns the deliveries that match and may still be settled, or are being settled. What fetches in progress bring is matched
// when they return, and so is what those bring that begin before the filter ends.
func (h handle) matching(match matchFunc) (by *filter, of []*delivery) {
	by = &filter{match: match, lasts: true}
	h.table.mu.Lock()
	if h.table.closed {
		h.table.mu.Unlock()
		return by, nil
	}
	h.table.filters.all = append(h.table.filters.all, by)
	var open []*delivery
	for _, b := range h.table.entries {
		for i := range b.all {
			if e := &b.all[i]; isLive(e) {
				open = append(open, e)
			}
		}
	}
	h.table.mu.Unlock()
	for _, e := range open { // match is foreign code
		if match(e.tx.Delivery()) {
			of = append(of, e)
		}
	}
	return by, of
}

// end ends a filter: what is fetched from now on is not for it.
func (h handle) end(by *filter) {
	h.table.mu.Lock()
	defer h.table.mu.Unlock()
	by.lasts = false
	h.table.filters.forget()
}

// endUnstarted ends those that nobody has begun, and those that wait between two attempts. If the source settles in order, whatever is
// behind them in their partitions ends as well.
func (h handle) endUnstarted(of []*delivery) {
	taken := h.table.parts.takeOut(h.flightsOf(of))
	if !h.table.inOrder {
		h.table.parts.end(taken, lifecycle.Interrupted)
		h.table.parts.wake()
		return
	}
	h.fence(h.behind(of, taken))
	h.table.parts.end(taken, lifecycle.LeaseLost)
	h.table.parts.wake()
}

func (h handle) flightsOf(of []*delivery) map[*flight]bool {
	h.table.mu.Lock()
	defer h.table.mu.Unlock()
	flights := make(map[*flight]bool, len(of))
	for _, e := range of {
		if e.flight != nil {
			flights[e.flight] = true
		}
	}
	return flights
}

// behind returns those of a revocation that cannot be settled any more: what was taken out or is not accepted yet, and what is behind the
// first of these in its partition.
func (h handle) behind(of []*delivery, taken []*flight) (behind []*delivery) {
	h.table.mu.Lock()
	defer h.table.mu.Unlock()
	first := map[*window]int64{}
	drop := func(e *delivery) {
		if at, ok := first[e.window]; !ok || e.position < at {
			first[e.window] = e.position
		}
	}
	for _, f := range taken {
		drop(f.held)
	}
	for _, e := range of {
		if e.flight == nil && isOpen(e) {
			drop(e)
		}
	}
	for _, e := range of {
		if at, ok := first[e.window]; ok && e.position >= at {
			behind = append(behind, e)
		}
	}
	return behind
}
