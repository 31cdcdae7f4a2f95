package pipeline

import "sync/atomic"

// What wakes the fetch loop while it waits for capacity. A loop over many slots looks when a worker has finished a chunk or goes
// idle, and not after each of a hundred short transactions; one over few slots hears of every end.
const (
	wakeNever int32 = iota
	wakeOnChunk
	wakeOnEvery
)

// capacity wakes the fetch loop when there may be capacity for more, and whoever waits for the end when everything is settled.
type capacity struct {
	unsettled atomic.Int64  // fetched, and not settled
	wakeOn    atomic.Int32  // what wakes the fetch loop while it waits
	available chan struct{} // wakes the fetch loop
	drained   chan struct{} // everything is settled
}

func (r *capacity) init() {
	r.available, r.drained = make(chan struct{}, 1), make(chan struct{}, 1)
}

// notify has the fetch loop look again, if it waits.
func (r *capacity) notify() {
	if r.wakeOn.Load() != wakeNever {
		signal(r.available)
	}
}

// settled is called when n are settled, by a worker, which looks for capacity itself, or by somebody who does not.
func (r *capacity) settled(n int, byWorker bool) {
	if r.unsettled.Add(-int64(n)) == 0 {
		signal(r.drained)
		signal(r.available)
		return
	}
	if !byWorker {
		r.notify()
	}
}
