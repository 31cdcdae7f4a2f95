package pipeline

import "sync/atomic"

// room knows how much is in flight. It wakes the fetch loop when there is room for more, and whoever waits for the end
// when everything is settled.
type room struct {
	outstanding atomic.Int64  // fetched, and its lifecycle has not ended
	unsettled   atomic.Int64  // fetched, and not settled
	wakeAt      atomic.Int64  // the fetch loop waits for outstanding to fall to this; -1: it does not wait
	behind      atomic.Bool   // the fetch loop waits for settlements
	free        chan struct{} // wakes the fetch loop
	quiet       chan struct{} // everything is settled
}

func (r *room) init() {
	r.free, r.quiet = make(chan struct{}, 1), make(chan struct{}, 1)
	r.wakeAt.Store(-1)
}

func (r *room) taken(n int) {
	r.unsettled.Add(int64(n))
	r.outstanding.Add(int64(n))
}

// ended reports whether nothing else is outstanding.
func (r *room) ended() bool {
	n := r.outstanding.Add(-1)
	if n <= r.wakeAt.Load() {
		signal(r.free)
	}
	return n == 0
}

func (r *room) settled(n int) {
	quiet := r.unsettled.Add(-int64(n)) == 0
	if quiet {
		signal(r.quiet)
	}
	if quiet || r.behind.Swap(false) {
		signal(r.free)
	}
}
