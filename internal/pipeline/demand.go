package pipeline

import (
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// demand tells a source whose server pushes how many deliveries the loop wants to hold: its slots and what it fetches ahead, and besides
// those that wait without a slot. Whoever changes one of these calls changed, which costs nothing for other sources. A goroutine of its
// own, run, calls the source. Nil and the zero value do nothing.
type demand struct {
	listener capability.DemandListener // nil: nobody is told
	clock    clock
	capacity *capacity
	gate     *fetchGate
	outage   *outage
	quota    Quota // nil: no limit
	watcher  *watcher

	news    chan struct{} // the demand may have changed
	stopped atomic.Bool   // nothing more is fetched
}

// changed makes run look at what is wanted. It never waits.
func (d *demand) changed() {
	if d != nil && d.listener != nil {
		signal(d.news)
	}
}

// stop ends the demand for good.
func (d *demand) stop() {
	if d != nil {
		d.stopped.Store(true)
		d.changed()
	}
}

// wanted is how many deliveries the loop wants to hold, and after which time that may change by itself; 0: it does not.
func (d *demand) wanted() (n int, change time.Duration) {
	held := int(d.capacity.unsettled.Load())
	switch {
	case d.stopped.Load() || d.gate.paused():
		return 0, 0
	case d.outage.lasts():
		wanted, wait := d.outage.wantsProbe()
		if wanted {
			n = held + 1
		}
		return n, wait
	}
	c := d.capacity
	n = int(c.slots.Load()) + c.prefetch + int(c.waiting.Load()) + int(c.held.Load())
	if d.quota == nil {
		return n, 0
	}
	left := d.quota.Left()
	if left <= 0 {
		return 0, 0
	}
	return int(min(int64(n), left+int64(held))), 0
}

// halfOfDemand is the size of a batch of settlements for a source whose server pushes, and counts what is not settled against the demand:
// half of it at most.
func halfOfDemand(p policy.Consumer) int {
	slots := p.Loop.Concurrency.Value
	if p.Loop.Concurrency.Adapts() {
		slots = p.Loop.Concurrency.Min
	}
	return min(p.Settle.Size, max((slots+p.Loop.Batch.Prefetch)/2, 1))
}
