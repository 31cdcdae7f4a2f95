package pipeline

import "sync/atomic"

// How closely the fetch loop wants to hear of room. A loop over many slots looks when a worker has finished a chunk or goes
// idle, and not after each of a hundred short transactions; one over few slots hears of every end.
const (
	notWanted int32 = iota
	coarsely
	exactly
)

// room wakes the fetch loop when there may be room for more, and whoever waits for the end when everything is settled.
type room struct {
	unsettled atomic.Int64  // fetched, and not settled
	wanted    atomic.Int32  // how closely the fetch loop, where it waits, wants to hear
	free      chan struct{} // wakes the fetch loop
	quiet     chan struct{} // everything is settled
}

func (r *room) init() {
	r.free, r.quiet = make(chan struct{}, 1), make(chan struct{}, 1)
}

// freed has the fetch loop look again, where it waits.
func (r *room) freed() {
	if r.wanted.Load() != notWanted {
		signal(r.free)
	}
}

// settled is called when n are settled, by a worker that looks for room itself or by somebody who does not.
func (r *room) settled(n int, byWorker bool) {
	if r.unsettled.Add(-int64(n)) == 0 {
		signal(r.quiet)
		signal(r.free)
		return
	}
	if !byWorker {
		r.freed()
	}
}
