package pipeline

import (
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// What wakes the fetch loop while it waits for capacity. A loop over many slots looks when a worker has finished a chunk or goes
// idle, not after each of a hundred short transactions. One over few slots looks at every end.
const (
	wakeNever int32 = iota
	wakeOnChunk
	wakeOnEvery
)

// fewSlots is the number of slots up to which the fetch loop wakes at every end.
const fewSlots = 4 * chunkSize

// capacity knows how many transactions may be fetched, wakes the fetch loop when there may be more, and wakes who waits for the end of
// the loop when everything is settled. Outstanding transactions that wait for a time, or for others of their ordering key, take no
// slot. Safe for concurrent use.
type capacity struct {
	unsettled atomic.Int64  // fetched, and not settled
	wakeOn    atomic.Int32  // what wakes the fetch loop while it waits
	available chan struct{} // wakes the fetch loop
	drained   chan struct{} // everything is settled

	stats       *loopStats
	blocked     atomic.Int64 // ended, and not settled because something before them in their partition has not ended
	blockedFull atomic.Bool  // so many are that fetching pauses

	slots        *atomic.Int32 // how many may run at once
	waiting      *atomic.Int32 // outstanding without a slot, for a time
	held         *atomic.Int64 // likewise, for others of their ordering key
	maxWaiting   int           // fetching pauses while so many wait for a time
	maxHeld      int           // likewise, for others of their ordering key
	prefetch     int           // how many may be fetched beyond the slots
	maxBehind    int           // how many may wait for settlement before fetching pauses
	whileWaiting int32         // what wakeOn is while the fetch loop waits
	demand       *demand       // nil: nobody has to know how many are wanted
}

// init needs stats, slots, waiting and held.
func (c *capacity) init(p policy.Consumer) {
	c.available, c.drained = make(chan struct{}, 1), make(chan struct{}, 1)
	running := p.Loop.Concurrency.MaxRunning()
	c.prefetch, c.maxBehind = p.Loop.Batch.Prefetch, 10*max(p.Settle.Size, running)
	c.maxWaiting, c.maxHeld = p.Loop.Concurrency.MaxWaiting(), p.Loop.Order.Held
	c.whileWaiting = wakeOnChunk
	if running+c.prefetch <= fewSlots {
		c.whileWaiting = wakeOnEvery
	}
}

// awaited reports whether the fetch loop waits for capacity.
func (c *capacity) awaited() bool { return c.wakeOn.Load() != wakeNever }

// notify wakes the fetch loop if it waits for capacity.
func (c *capacity) notify() {
	if c.awaited() {
		signal(c.available)
	}
}

// settled counts n settled transactions. A worker that has settled them looks for capacity itself.
func (c *capacity) settled(n int, byWorker bool) {
	defer c.demand.changed()
	if c.unsettled.Add(-int64(n)) == 0 {
		signal(c.drained)
		signal(c.available)
		return
	}
	if !byWorker {
		c.notify()
	}
}

// waitDrained waits until everything is settled, at most for d, less when force is closed, and reports whether it is.
func (c *capacity) waitDrained(d time.Duration, force <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for c.unsettled.Load() > 0 {
		select {
		case <-c.drained:
		case <-timer.C:
			return c.unsettled.Load() == 0
		case <-force:
			return c.unsettled.Load() == 0
		}
	}
	return true
}

// atPool is how many transactions have a slot or are about to get one.
func (c *capacity) atPool() int {
	return c.stats.outstanding() - int(c.waiting.Load()) - int(c.held.Load())
}

// idle reports whether there are slots for which nothing was fetched.
func (c *capacity) idle() bool { return c.atPool() < int(c.slots.Load()) }

// full reports whether so many wait without a slot that fetching pauses.
func (c *capacity) full() bool {
	return int(c.waiting.Load()) >= c.maxWaiting || c.keysFull() || c.blockedFull.Load()
}

// keysFull is full for those that wait for others of their ordering key.
func (c *capacity) keysFull() bool { return int(c.held.Load()) >= c.maxHeld }

// free is how many transactions may be fetched, as far as slots and settlement are concerned. What is fetched ahead is refilled by half.
func (c *capacity) free() int {
	unsettled := int(c.unsettled.Load())
	outstanding := c.stats.outstanding()
	if unsettled-outstanding-int(c.blocked.Load()) > c.maxBehind {
		return 0
	}
	outstanding -= int(c.waiting.Load()) + int(c.held.Load())
	slots := int(c.slots.Load())
	if outstanding >= slots+(c.prefetch+1)/2 {
		return 0
	}
	return slots + c.prefetch - outstanding
}

// signal wakes one that waits for ch, now or later.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
