package pipeline

import (
	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// fetchParts is what a fetch loop needs of the loop that it fetches for.
type fetchParts struct {
	settings   *Settings
	clock      clock
	stats      *loopStats
	capacity   *capacity
	order      *order
	outage     *outage
	leases     *leases
	deliveries *deliveries
	memory     *flightMemory
	unwritten  *unwritten
	stall      *stallDetector
	gate       *fetchGate
	watcher    *watcher

	requeueUnused      func([]ergon.Transaction) // requeues what was fetched and is not needed, and waits for that
	requeueUnusedLater func([]ergon.Transaction) // likewise, without waiting
	release            func([]*flight)           // ends flights that do not run, as a shutdown does
	// endWaiting ends flights that nobody runs with an event, and continues with those that waited behind their keys.
	endWaiting func([]*flight, lifecycle.Event)
}

func newFetchLoop(p fetchParts) *fetchLoop {
	s := p.settings
	loop, retry := s.Policy.Loop, s.Policy.Fetch.Retry
	l := &fetchLoop{
		policy: loop, connector: s.Policy.Fetch.Connector, clock: p.clock,
		source: fetcher{
			source: s.Source, retry: retry, hanging: s.Hanging, stall: p.stall, requeueUnused: p.requeueUnused, ended: make(chan struct{}, 1),
			deliveries: p.deliveries,
		},
		admission: admission{
			quota: quotaOf(*s), memory: p.memory, stats: p.stats, capacity: p.capacity, leases: p.leases, order: p.order, watcher: p.watcher,
			deliveries: p.deliveries, requeueUnused: p.requeueUnusedLater,
		},
		returning: returning{
			retry: retry, hanging: s.Hanging, stall: p.stall, stats: p.stats, unwritten: p.unwritten, watcher: p.watcher,
		},
		capacity: p.capacity, outage: p.outage, gate: p.gate, stall: p.stall, stats: p.stats, watcher: p.watcher, pinned: loop.OSThreads,
		release: p.release, endWaiting: p.endWaiting, fetchLock: newSemaphore(), woken: make(chan struct{}, 1),
		pace:    pace{batch: loop.Batch, emptyQueue: loop.EmptyQueue, clock: p.clock, size: loop.Batch.Size},
		filling: filling{policy: loop.Batch, clock: p.clock},
	}
	l.returning.source, _ = capability.As[capability.Counter](s.Source)
	_, settles := capability.As[capability.Settler](s.Source)
	l.canRequeue = settles && !p.deliveries.keepsInPlace()
	l.slow.Store(tooSlow(0, retry.Timeout, l.pinned))
	return l
}
