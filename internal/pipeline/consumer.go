package pipeline

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
)

// Consumer is one consuming loop. It makes the parts, runs them and ends them; none of them knows it. It runs once.
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
	deliveries   *deliveries // nil: the source is neither attached nor in order
	turns        *turns      // likewise
	attachment   attachment
	demand       demand
	flightMemory flightMemory
	inherited    *inherited
	order        order
	outage       *outage
	waiting      waitingRoom
	judge        judge
	hop          *hop
	finisher     finisher
	held         heldRequeues
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

// Run runs the loop to its end. When ctx ends, the loop shuts down: fetching stops, and what waits is released. What runs has the policy's
// grace to end; then its contexts are cancelled. After the policy's force it is given up and released. Run returns nil at the natural end,
// otherwise why it ended: the cause of ctx, ErrLoopTimeout, ErrHeadroom, a *[FetchError], ErrUnsettled, ErrUnwritten, or ErrLeftBehind.
func (c *Consumer) Run(ctx context.Context) error {
	span := c.begin(ctx)
	background, stopBackground := context.WithCancelCause(c.values)
	stopLeasing := c.serve(background)

	detach, err := c.attachment.begin(ctx, c.values)
	if err == nil {
		err = c.runUntilEnd(ctx, stopBackground)
	}
	stopLeasing()
	left := c.leave(func() { stopBackground(nil) })
	detach()
	c.returnQuota()
	if !errors.Is(err, ErrUnwritten) {
		err = errors.Join(err, c.unwritten.err())
	}
	err = errors.Join(err, c.failures.err(), left)
	c.stats.end(c.clock.Now(), err == nil)
	c.watcher.spans.loopEnded(span, err)
	return errors.Join(err, c.watcher.close(c.recorder))
}

// begin tells every part in which context and from when on the loop runs, and begins its span.
func (c *Consumer) begin(ctx context.Context) trace.Span {
	c.values = spans.WithScope(context.WithoutCancel(ctx), spans.Scope{
		Task: c.settings.Task, Worker: c.settings.Worker, Identity: c.settings.Identity,
	})
	values, span := c.watcher.spans.loopStarted(c.values)
	c.known.values = values
	c.values = capability.WithDispatchReport(values, c.known.Hear)
	c.inherited.values = c.values
	c.watcher.begin(c.values)
	c.stats.begin(c.clock.Now())
	return span
}

// serve starts what serves the loop: settlement, and the leases until stopLeasing is called.
func (c *Consumer) serve(background context.Context) (stopLeasing context.CancelFunc) {
	c.background.begin(background)
	c.background.run(c.settler.run)
	leasing, stopLeasing := context.WithCancel(background)
	if c.leases.held != nil {
		c.background.run(func(context.Context) { c.leases.run(leasing) })
	}
	return stopLeasing
}

// outageChanged ends what waits for its next attempt when an outage begins.
func (c *Consumer) outageChanged(lasts bool) {
	if lasts && !c.held.all {
		c.finisher.endWaiting(c.waiting.clear(), lifecycle.Interrupted)
	}
	c.watcher.log.outageChanged(lasts)
	c.demand.changed()
}

// returnQuota returns to the shared limit what was fetched and never started.
func (c *Consumer) returnQuota() {
	if b := c.fetchLoop.admission.quota; b != nil {
		s := c.Snapshot()
		b.Return(int(s.Fetched - s.Started - c.order.unstarted.Load()))
	}
}
