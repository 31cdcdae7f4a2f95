package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/policy"
)

// New makes a loop, or reports everything that keeps it from running. It asks the connectors and the telemetry providers what it must
// know of them, each within the limit of package ask.
func New(s Settings) (*Consumer, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	declared, err := capability.DeclarationOf(s.Source)
	if err != nil {
		return nil, fmt.Errorf("read the declaration of connector %q: %w", s.Policy.Fetch.Connector, err)
	}
	listener, _ := capability.As[capability.DemandListener](s.Source)
	if listener != nil {
		s.Policy.Settle.Size = halfOfDemand(s.Policy)
	}
	c := newConsumer(s, declared)
	c.order.on = s.Policy.Loop.Ordering == policy.OrderingKey && declared.Order != capability.OrderKey
	if c.deliveries, err = deliveriesOf(&c.settings, declared.InOrder, &c.capacity); err != nil {
		return nil, err
	}
	if c.deliveries != nil {
		c.turns = &turns{table: c.deliveries}
		c.flightMemory.once = true // a revocation may be looking at flights that are settled
	}
	if c.hop, err = newHop(s); err != nil {
		return nil, err
	}
	if err := c.wireLeases(declared.MaxHold); err != nil {
		return nil, err
	}
	if c.watcher, c.known, err = newWatcher(c.settings, c.clock, c.gauges()); err != nil {
		return nil, err
	}
	c.leases.watcher, c.failures.watcher = c.watcher, c.watcher
	c.wireSettler(declared.Floor)
	c.wireFinisher()
	c.wireFetchLoop()
	c.wireDemand(listener)
	c.wireWorkers()
	c.wireDeliveries()
	return c, nil
}

// wireDemand makes what tells a source whose server pushes how many are wanted; nil: it asks for each batch.
func (c *Consumer) wireDemand(listener capability.DemandListener) {
	if listener == nil {
		return
	}
	c.demand.listener, c.demand.clock, c.demand.capacity, c.demand.gate = listener, c.clock, &c.capacity, &c.gate
	c.demand.outage, c.demand.quota, c.demand.watcher = c.outage, c.fetchLoop.admission.quota, c.watcher
	c.demand.news = make(chan struct{}, 1)
	c.capacity.demand, c.pool.demand = &c.demand, &c.demand
}

// newConsumer makes a loop with the parts that depend on the settings and the source's declaration alone.
func newConsumer(s Settings, declared capability.Declaration) *Consumer {
	c := &Consumer{
		settings: s, clock: attempt.NewClock(), values: context.Background(),
		plan: newPlan(s, declared.MaxHold), shutdown: shutdown{started: make(chan struct{})},
	}
	c.settings.Handlers = s.Handlers.WithIdentity(s.Identity)
	if s.Hanging == nil {
		c.settings.Hanging = &Hanging{}
	}
	c.inherited = &inherited{
		clock: c.clock, values: c.values, task: s.Task, worker: s.Worker, identity: s.Identity, produces: s.produces,
	}
	c.flightMemory.loop = c.inherited
	c.headroom.init(s.Policy.Loop.Concurrency.MaxAbandoned())
	c.pool = newPool(s.Policy.Loop, &c.stats)
	c.capacity = capacity{stats: &c.stats, slots: &c.pool.limit, waiting: &c.waiting.count, held: &c.order.count}
	c.capacity.init(s.Policy)
	c.payloads, c.recorder = newPayloads(&c.headroom), newRecorder(s, c.clock)
	c.stall.init(c.clock, s.Policy)
	c.stats.init(c.clock)
	c.stuckCheck.clock = c.clock
	c.order.held = map[string][]*flight{}
	c.limiter = newConcurrencyLimiter(s.Policy.Loop.Concurrency, c.pool)
	c.outage = newOutage(s.Policy.Loop.Outage, c.clock, &c.capacity, c.pool, c.outageChanged)
	_, canRequeue := capability.As[capability.Settler](s.Source)
	c.judge = newJudge(s, canRequeue, c.outage)
	c.waiting = waitingRoom{clock: c.clock, gate: &c.gate, pool: c.pool, outage: c.outage, capacity: &c.capacity}
	return c
}

// wireLeases makes what keeps leases, if deliveries of the source expire: after their leases, or after the longest hold (0: none).
func (c *Consumer) wireLeases(maxHold time.Duration) (err error) {
	s := &c.settings
	keeper, ok := capability.As[capability.LeaseKeeper](s.Source)
	if !ok && maxHold <= 0 {
		return nil
	}
	c.leases = leases{
		keeper: keeper, duration: maxHold, maxHold: maxHold, size: max(s.Policy.Settle.Size, 1),
		clock: c.clock, now: time.Now, hanging: s.Hanging, held: map[*flight]*leased{},
		shorter: make(chan struct{}, 1), sooner: make(chan struct{}, 1),
		running: c.pool.running, end: c.finisher.endWaiting,
		removeWaiting: func(f *flight) bool { return c.waiting.remove(f) || c.outage.remove(f) },
	}
	c.flightMemory.once = true
	if !ok {
		return nil
	}
	if c.leases.duration, err = leaseOf(keeper); err != nil {
		return fmt.Errorf("connector %q does not say how long its leases are: %w", s.Policy.Fetch.Connector, err)
	}
	return nil
}

// wireSettler makes what settles flights. floor: the source remembers only up to where everything is settled.
func (c *Consumer) wireSettler(floor bool) {
	s := &c.settings
	source, _ := capability.As[capability.Settler](s.Source)
	calls := batchCaller{retry: s.Policy.Settle.Retry, hanging: s.Hanging, stall: &c.stall}
	stop := func(why error) { c.stopFetching(why) }
	lost := &lostLetters{
		delay: s.Policy.Settle.RequeueDelay, canRequeue: source != nil, floor: floor || c.deliveries.keepsInPlace(), clock: c.clock,
		unwritten: &c.unwritten, failures: &c.failures, watcher: c.watcher, stop: stop,
	}
	if h := c.hop; h != nil {
		h.task, h.calls, h.judge, h.lost, h.failures, h.watcher = s.Task, calls, &c.judge, lost, &c.failures, c.watcher
		h.turns = c.turns
	}
	batches := &batchSettler{
		clock: c.clock, source: source, calls: calls, hop: c.hop, leases: &c.leases, turns: c.turns, stall: &c.stall,
		watcher: c.watcher, failures: &c.failures, onSettle: s.OnSettle, stop: stop, pinned: s.Policy.Loop.OSThreads,
		completion: completion{
			stats: &c.stats, capacity: &c.capacity, unwritten: &c.unwritten, memory: &c.flightMemory, recorder: c.recorder,
			watcher: c.watcher, hybrid: s.Handlers.Prepare != nil,
		},
	}
	letters := &letterWriter{
		store: &letterStore{
			task: s.Task, store: s.DeadLetters, buried: c.hop.buries(), payloads: &c.payloads, calls: calls, lost: lost,
		},
		stall: &c.stall, background: &c.background, ordered: c.order.on, floor: floor, inOrder: c.deliveries.keepsInPlace(),
	}
	c.settler = newSettler(s.Policy.Settle, &c.stats, batches, letters, &c.background, c.pool.replaceWorker)
	c.releaser = releaser{
		source: source, calls: calls, capacity: &c.capacity, watcher: c.watcher, background: &c.background, deliveries: c.deliveries,
	}
}

// wireDeliveries gives the table of deliveries what it needs of the loop, once the parts exist, and makes what attaches the source.
func (c *Consumer) wireDeliveries() {
	c.attachment = attachmentOf(&c.settings, handle{c.deliveries, c.fetchLoop.woken})
	if c.deliveries == nil {
		return
	}
	c.deliveries.parts = deliveryParts{
		running: c.pool.running, end: c.finisher.endWaiting, keep: c.held.keepLate, wake: c.settler.wake, revoked: c.watcher.log.revoked,
		takeOut: func(set map[*flight]bool) []*flight { // in the order in which flights go from one to the next
			taken := c.waiting.takeSome(set)
			taken = append(taken, c.order.takeSome(set)...)
			taken = append(taken, c.outage.takeSome(set)...)
			return append(taken, c.pool.takeSome(set)...)
		},
	}
}

// wireFinisher makes what ends flights and hands them to the settler.
func (c *Consumer) wireFinisher() {
	c.held = heldRequeues{
		clock: c.clock, stats: &c.stats, capacity: &c.capacity, order: &c.order, waiting: &c.waiting, outage: c.outage, judge: &c.judge,
		maxHold: c.plan.within(c.settings.Policy.Loop.HoldAtMost), all: c.deliveries.keepsInPlace(),
	}
	c.finisher = finisher{
		plan: c.plan, stats: &c.stats, capacity: &c.capacity, limiter: c.limiter, outage: c.outage, judge: &c.judge, order: &c.order,
		held: &c.held, watcher: c.watcher, settler: c.settler, onEnd: c.settings.OnEnd,
	}
}

// wireFetchLoop makes the fetch loop, which requeues by the releaser and ends flights by the finisher.
func (c *Consumer) wireFetchLoop() {
	c.fetchLoop = newFetchLoop(fetchParts{
		settings: &c.settings, clock: c.clock, stats: &c.stats, capacity: &c.capacity, order: &c.order, outage: c.outage, leases: &c.leases,
		deliveries: c.deliveries, memory: &c.flightMemory, unwritten: &c.unwritten, stall: &c.stall, gate: &c.gate, watcher: c.watcher,
		requeueUnused:      func(txs []ergon.Transaction) { c.releaser.release(c.values, txs) },
		requeueUnusedLater: c.releaser.releaseLater, release: c.finisher.release, endWaiting: c.finisher.endWaiting,
	})
}

// wireWorkers makes what workers share, and what takes attempts from them, once the parts exist that they need.
func (c *Consumer) wireWorkers() {
	c.hybrid = hybridOf(&c.settings, c.clock,
		&outboundWatch{stats: &c.stats, watcher: c.watcher, stuckCheck: &c.stuckCheck, headroom: &c.headroom}, c.pool.pinned, c.hop)
	serve := &service{pool: c.pool, capacity: &c.capacity, fetchLoop: c.fetchLoop, settler: c.settler}
	watch := &attemptWatch{
		clock: c.clock, stats: &c.stats, watcher: c.watcher, headroom: &c.headroom, stuckCheck: &c.stuckCheck,
		recorder: c.recorder,
	}
	call := &caller{
		plan: c.plan, clock: c.clock, handlers: &c.settings.Handlers, hybrid: c.hybrid, watch: watch, watcher: c.watcher, shutdown: &c.shutdown,
	}
	drive := &driver{
		plan: c.plan, watcher: c.watcher, limiter: c.limiter, leases: &c.leases, headroom: &c.headroom, waiting: &c.waiting,
		finisher: &c.finisher, service: serve,
		stop: func(why error) { c.stopFetching(why) },
		backoffs: backoffs{
			plan: c.plan, clock: c.clock, stats: &c.stats, capacity: &c.capacity, stall: &c.stall, limiter: c.limiter, outage: c.outage,
			waiting: &c.waiting, shutdown: &c.shutdown, inPlace: c.deliveries.keepsInPlace(),
		},
	}
	c.takeover = &takeover{
		plan: c.plan, clock: c.clock, stats: &c.stats, pool: c.pool, watch: watch, watcher: c.watcher, finisher: &c.finisher,
		shutdown: &c.shutdown,
	}
	c.pool.service, c.pool.work = serve, (*worker).start
	c.pool.newWorker = func(s *slot) *worker {
		return &worker{pool: c.pool, caller: call, driver: drive, slot: s}
	}
	c.pool.newDog = func() *watchdog { return newWatchdog(c.clock, c.takeover.expire) }
}
