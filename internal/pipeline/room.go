package pipeline

import "sync/atomic"

// room wakes the fetch loop when there may be room for more, and whoever waits for the end when everything is settled.
type room struct {
	unsettled atomic.Int64  // fetched, and not settled
	wanted    atomic.Bool   // the fetch loop waits
	free      chan struct{} // wakes the fetch loop
	quiet     chan struct{} // everything is settled
}

func (r *room) init() {
	r.free, r.quiet = make(chan struct{}, 1), make(chan struct{}, 1)
}

// freed has the fetch loop look again, where it waits.
func (r *room) freed() {
	if r.wanted.Load() {
		signal(r.free)
	}
}

func (r *room) settled(n int) {
	if r.unsettled.Add(-int64(n)) == 0 {
		signal(r.quiet)
		signal(r.free)
		return
	}
	r.freed()
}
