package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// extensionsPerLease is how often a lease is extended within its duration: two may fail before it is lost.
const extensionsPerLease = 4

// leases keeps the deliveries of a LeaseKeeper from fetch to settlement. The zero value does nothing.
type leases struct {
	keeper   capability.LeaseKeeper // nil: deliveries do not expire
	duration time.Duration
	size     int // how many one call extends
	clock    clock
	hanging  *Hanging
	watcher  *watcher
	running  func() []shown                   // the attempts at work
	takeOut  func(f *flight) bool             // takes a flight out of where it waits, if it does
	end      func([]*flight, lifecycle.Event) // ends what was taken out

	mu   sync.Mutex
	held map[*flight]*leased
}

// leased is a delivery with a lease. The flight is its owner's; only lost may be set.
type leased struct {
	flight *flight
	tx     *ergon.Transaction
	until  instant // guarded by leases.mu
	// settling is guarded by leases.mu. The source is being settled: an extension that follows finds nothing to extend, and only the
	// settlement knows whether the delivery was lost.
	settling bool
}

// hold begins to keep what a fetch brought. If the fetch took long, its beginning says little about when the leases began, so they are
// taken for half as long: the next extension knows.
func (l *leases) hold(flights []*flight, fetched instant) {
	if l.keeper == nil {
		return
	}
	until := max(fetched.After(l.duration), l.clock.Now().After(l.duration/2))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range flights {
		l.held[f] = &leased{flight: f, tx: f.tx, until: until}
	}
}

// settle leaves it to the settlement of batch to find out what is lost.
func (l *leases) settle(batch []*flight) {
	if l.keeper == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range batch {
		if delivery := l.held[f]; delivery != nil {
			delivery.settling = true
		}
	}
}

func (l *leases) release(batch []*flight) {
	if l.keeper == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range batch {
		delete(l.held, f)
	}
}

// run extends all leases until ctx ends, and gives up those that expire nevertheless.
func (l *leases) run(ctx context.Context) {
	var expiring sync.WaitGroup
	expiring.Go(func() { l.giveUpExpired(ctx) })
	defer expiring.Wait()
	ticker := time.NewTicker(l.interval())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			l.extend(ctx)
		}
	}
}

func (l *leases) interval() time.Duration { return max(l.duration/extensionsPerLease, 1) }

// giveUpExpired does not wait for extensions: a call that hangs must not keep a handler working on a delivery that is another's.
func (l *leases) giveUpExpired(ctx context.Context) {
	timer := time.NewTimer(l.duration / 2) // nothing runs out before
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(l.expire())
		}
	}
}

// expire gives up what has expired, and returns the time until something else may.
func (l *leases) expire() time.Duration {
	now := l.clock.Now()
	next := now.After(max(l.duration/2, 1)) // what is fetched from now on lasts that long
	var lost []*leased
	l.mu.Lock()
	for f, delivery := range l.held {
		if delivery.until <= now {
			delete(l.held, f)
			if !delivery.settling {
				lost = append(lost, delivery)
			}
			continue
		}
		next = min(next, delivery.until)
	}
	l.mu.Unlock()
	l.giveUp(lost)
	return time.Duration(next - now)
}

func (l *leases) extend(ctx context.Context) {
	now := l.clock.Now()
	l.mu.Lock()
	deliveries := slices.Collect(maps.Values(l.held))
	l.mu.Unlock()
	for part := range slices.Chunk(deliveries, l.size) {
		l.extended(part, now, l.call(ctx, part))
	}
}

// call makes one attempt. It ends before the next tick, which is the retry.
func (l *leases) call(ctx context.Context, deliveries []*leased) error {
	batch := make([]ergon.Transaction, len(deliveries))
	for i, delivery := range deliveries {
		batch[i] = *delivery.tx
	}
	once := policy.Retry{MaxAttempts: 1, Timeout: l.interval()}
	spanned, span := l.watcher.spans.leasesStarted(ctx, len(batch))
	_, err := ergon.RunFn(spanned, once, func(ctx context.Context) (struct{}, error) {
		if err := l.hanging.enter(callExtend); err != nil {
			return struct{}{}, err
		}
		defer l.hanging.leave(callExtend)
		return struct{}{}, foreign.ReadBatch(l.keeper.ExtendLeases(ctx, batch), len(batch))
	}, ergon.SpanName(spans.ExtendLeases))
	if ctx.Err() != nil {
		err = nil // the loop has ended, and needs no leases any more
	}
	l.watcher.leasesEnded(span, err)
	return err
}

// extended notes the new ends of leases, and gives up what the source has taken back.
func (l *leases) extended(deliveries []*leased, began instant, err error) {
	batch, partial := errors.AsType[*ergon.BatchError](err)
	l.mu.Lock()
	var lost []*leased
	for i, delivery := range deliveries {
		_, held := l.held[delivery.flight]
		switch {
		case !held:
		case err == nil || partial && batch.Failures[i] == nil:
			delivery.until = began.After(l.duration)
		case delivery.settling:
		case partial && errors.Is(batch.Failures[i], capability.ErrStaleDelivery):
			delete(l.held, delivery.flight)
			lost = append(lost, delivery)
		}
	}
	l.mu.Unlock()
	l.giveUp(lost)
}

// giveUp fences the results of transactions that belong to their source again, and cancels their handlers. It reports them once all
// are cancelled [F2].
func (l *leases) giveUp(lost []*leased) {
	if len(lost) == 0 {
		return
	}
	for _, delivery := range lost {
		delivery.flight.lost.Store(true)
	}
	running := map[*ergon.Transaction]*handlerAttempt{}
	for _, r := range l.running() {
		running[r.Attempt.tx] = r.Attempt
	}
	for _, delivery := range lost {
		if a := running[delivery.tx]; a != nil {
			a.End(context.Canceled, capability.ErrStaleDelivery)
		}
	}
	for _, delivery := range lost {
		if f := delivery.flight; running[delivery.tx] == nil && l.takeOut(f) {
			l.end([]*flight{f}, lifecycle.LeaseLost)
		}
	}
	for _, delivery := range lost {
		var ctx context.Context
		if a := running[delivery.tx]; a != nil {
			ctx = a
		}
		l.watcher.log.leaseLost(ctx, delivery.tx.ID())
	}
}
