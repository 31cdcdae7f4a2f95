package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// Consumer is one consuming loop. It is run once.
type Consumer struct {
	settings Settings
	clock    clock
	plan     *plan
	values   context.Context //nolint:containedctx // what attempts inherit: values, never a cancellation

	stats        loopStats
	capacity     capacity
	pool         *pool
	fetchLoop    *fetchLoop
	settler      *settler
	leases       leases
	flightMemory flightMemory
	inherited    *inherited
	order        order
	outage       *outage
	waiting      waitingRoom
	judge        judge
	hop          *hop
	finisher     finisher
	hybrid       *hybrid
	limiter      *concurrencyLimiter
	watcher      *watcher
	known        *Known
	failures     failures
	payloads     payloads
	recorder     *recorder
	releaser     releaser
	stall        stallDetector

	unwritten  unwritten
	stuckCheck stuckCheck

	background   background
	gate         fetchGate // closed while the loop is paused
	shutdown     shutdown
	takeover     *takeover
	headroom     headroom
	stopFetching context.CancelCauseFunc
}

// New makes a loop, or reports everything that keeps it from running.
func New(s Settings) (*Consumer, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	c := &Consumer{
		settings: s, clock: attempt.NewClock(), values: context.Background(),
		plan: newPlan(s), shutdown: shutdown{started: make(chan struct{})},
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
	declared, err := capability.DeclarationOf(s.Source)
	if err != nil {
		return nil, fmt.Errorf("connector %q does not say what it is: %w", s.Policy.Fetch.Connector, err)
	}
	if c.hop, err = newHop(s); err != nil {
		return nil, err
	}
	c.order.on = s.Policy.Loop.Ordering == policy.OrderingKey && declared.Order != capability.OrderKey
	c.order.held = map[string][]*flight{}
	c.limiter = newConcurrencyLimiter(s.Policy.Loop.Concurrency, c.pool)
	c.outage = newOutage(s.Policy.Loop.Outage, c.clock, &c.capacity, c.pool, c.outageChanged)
	source, takesBack := s.Source.(capability.Settler)
	c.judge = newJudge(s, takesBack, c.outage)
	c.waiting = waitingRoom{clock: c.clock, gate: &c.gate, pool: c.pool, outage: c.outage, capacity: &c.capacity}
	if keeper, ok := s.Source.(capability.LeaseKeeper); ok {
		c.leases = leases{
			keeper: keeper, size: max(s.Policy.Settle.Size, 1), clock: c.clock, hanging: c.settings.Hanging, held: map[*flight]*leased{},
			running: c.pool.running, takeOut: func(f *flight) bool { return c.waiting.remove(f) || c.outage.remove(f) }, end: c.finisher.endWaiting,
		}
		c.flightMemory.once = true
		if c.leases.duration, err = leaseOf(keeper); err != nil {
			return nil, fmt.Errorf("connector %q does not say how long its leases are: %w", s.Policy.Fetch.Connector, err)
		}
	}
	if c.watcher, c.known, err = newWatcher(c.settings, c.clock, c.gauges()); err != nil {
		return nil, err
	}
	c.leases.watcher, c.failures.watcher = c.watcher, c.watcher
	c.settler = newSettler(settleParts{
		settings: &c.settings, clock: c.clock, stats: &c.stats, capacity: &c.capacity, memory: &c.flightMemory, leases: &c.leases,
		judge: &c.judge, stall: &c.stall, watcher: c.watcher, payloads: &c.payloads, recorder: c.recorder, unwritten: &c.unwritten,
		failures: &c.failures, background: &c.background, hop: c.hop, ordered: c.order.on, floor: declared.Floor,
		stop: func(why error) { c.stopFetching(why) }, replace: c.pool.replaceWorker,
	})
	c.releaser = releaser{
		source: source, calls: c.settler.batches.calls, capacity: &c.capacity, watcher: c.watcher, background: &c.background,
	}
	c.hybrid = hybridOf(&c.settings, c.clock,
		&outboundWatch{stats: &c.stats, watcher: c.watcher, stuckCheck: &c.stuckCheck, headroom: &c.headroom}, c.pool.pinned, c.hop)
	c.finisher = finisher{
		plan: c.plan, clock: c.clock, stats: &c.stats, capacity: &c.capacity, limiter: c.limiter, outage: c.outage, judge: &c.judge,
		order: &c.order, waiting: &c.waiting, watcher: c.watcher, settler: c.settler, maxHold: s.Policy.Loop.HoldAtMost, onEnd: s.OnEnd,
	}
	c.fetchLoop = newFetchLoop(fetchParts{
		settings: &c.settings, clock: c.clock, stats: &c.stats, capacity: &c.capacity, order: &c.order, outage: c.outage, leases: &c.leases,
		memory: &c.flightMemory, unwritten: &c.unwritten, stall: &c.stall, gate: &c.gate, watcher: c.watcher,
		giveBack:      func(txs []ergon.Transaction) { c.releaser.release(c.values, txs) },
		giveBackLater: c.releaser.releaseLater, release: c.finisher.release, endWaiting: c.finisher.endWaiting,
	})
	c.wireWorkers()
	return c, nil
}

// wireWorkers makes what workers share, and what takes attempts from them, once the parts exist that they need.
func (c *Consumer) wireWorkers() {
	serve := &service{pool: c.pool, capacity: &c.capacity, fetchLoop: c.fetchLoop, settler: c.settler}
	watch := &attemptWatch{
		clock: c.clock, stats: &c.stats, watcher: c.watcher, headroom: &c.headroom, stuckCheck: &c.stuckCheck,
		recorder: c.recorder,
	}
	call := &caller{
		plan: c.plan, clock: c.clock, handlers: &c.settings.Handlers, hybrid: c.hybrid, watch: watch, watcher: c.watcher, shutdown: &c.shutdown,
	}
	drive := &driver{
		plan: c.plan, watcher: c.watcher, limiter: c.limiter, headroom: &c.headroom, waiting: &c.waiting, finisher: &c.finisher, service: serve,
		stop: func(why error) { c.stopFetching(why) },
		backoffs: backoffs{
			plan: c.plan, clock: c.clock, stats: &c.stats, capacity: &c.capacity, stall: &c.stall, limiter: c.limiter, outage: c.outage,
			waiting: &c.waiting, shutdown: &c.shutdown,
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

// Run runs the loop to its end. When ctx ends, the loop shuts down: fetching stops, and what waits is released. What runs has the policy's
// grace to end; then its contexts are cancelled. After the policy's force it is given up and released. Run returns nil at the natural end,
// otherwise why it ended: the cause of ctx, ErrLoopTimeout, ErrHeadroom, a *[FetchError], ErrUnsettled, ErrUnwritten, or ErrLeftBehind.
func (c *Consumer) Run(ctx context.Context) error {
	c.values = spans.WithScope(context.WithoutCancel(ctx), spans.Scope{
		Task: c.settings.Task, Worker: c.settings.Worker, Identity: c.settings.Identity,
	})
	values, span := c.watcher.loopStarted(c.values)
	c.known.values = values
	c.values = capability.WithDispatchReport(values, c.known.Hear)
	c.inherited.values = c.values
	c.watcher.begin(c.values)
	c.stats.begin(c.clock.Now())
	background, stopBackground := context.WithCancelCause(c.values)
	c.background.ctx = background
	c.background.run(c.settler.run)
	leasing, stopLeasing := context.WithCancel(background)
	if c.leases.keeper != nil {
		c.background.run(func(context.Context) { c.leases.run(leasing) })
	}

	err := c.runUntilEnd(ctx, stopBackground)

	stopLeasing()
	left := c.leave(func() { stopBackground(nil) })
	c.returnQuota()
	if !errors.Is(err, ErrUnwritten) {
		err = errors.Join(err, c.unwritten.err())
	}
	err = errors.Join(err, c.failures.err(), left)
	c.stats.end(c.clock.Now(), err == nil)
	c.watcher.loopEnded(span, err)
	return errors.Join(err, c.watcher.close(c.recorder))
}

// outageChanged ends what waits for its next attempt when an outage begins.
func (c *Consumer) outageChanged(lasts bool) {
	if lasts {
		c.finisher.endWaiting(c.waiting.clear(), lifecycle.Interrupted)
	}
	c.watcher.outageChanged(lasts)
}

// returnQuota returns to the shared limit what was fetched and never started.
func (c *Consumer) returnQuota() {
	if b := c.fetchLoop.admission.quota; b != nil {
		s := c.Snapshot()
		b.Return(int(s.Fetched - s.Started - c.order.unstarted.Load()))
	}
}
