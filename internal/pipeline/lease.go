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

// extensionsPerLease is the number of extensions within the duration of a lease: it survives two that fail.
const extensionsPerLease = 4

// leases extends the leases of a LeaseKeeper's deliveries from fetch to settlement, and ends flights whose lease is lost. A call of the
// source lasts at most a quarter of a lease; expiry does not wait for it. Safe for concurrent use. The zero value does nothing.
type leases struct {
	keeper        capability.LeaseKeeper // nil: deliveries do not expire
	duration      time.Duration
	size          int // the maximum number of leases in one call
	clock         clock
	hanging       *Hanging
	watcher       *watcher
	running       func() []shown                   // the attempts in progress
	removeWaiting func(f *flight) bool             // removes a waiting flight from its structure; false: it does not wait
	end           func([]*flight, lifecycle.Event) // ends flights that removeWaiting removed

	mu   sync.Mutex
	held map[*flight]*leased
}

// leased is a delivery with a lease. leases does not own the flight and touches only flight.lost.
type leased struct {
	flight *flight
	tx     *ergon.Transaction
	until  instant // guarded by leases.mu
	// settling is guarded by leases.mu. The delivery is being settled: an extension may find it stale for that reason, and only the
	// settlement can tell whether the lease was lost.
	settling bool
}

// hold adds the deliveries of a fetch that began at fetched. Their leases began between then and now. After a slow fetch the start of
// the fetch is too pessimistic, so half a lease from now is assumed until the first extension.
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

// settle leaves it to the settlement of batch to report lost leases.
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

// release forgets the deliveries of a settled batch.
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

// run extends all leases until ctx ends, and gives up those that expire.
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

// giveUpExpired has its own goroutine, so that an extension that hangs does not delay the end of a handler whose delivery already
// belongs to another worker.
func (l *leases) giveUpExpired(ctx context.Context) {
	timer := time.NewTimer(l.duration / 2) // no lease expires before
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

// expire gives up the leases that have expired, and returns the time until the next may expire.
func (l *leases) expire() time.Duration {
	now := l.clock.Now()
	next := now.After(max(l.duration/2, 1)) // a lease fetched from now on lasts at least that long
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

// call extends leases in one attempt without retries, because the next tick extends them again.
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
		err = nil // the loop has ended and needs no leases
	}
	l.watcher.leasesEnded(span, err)
	return err
}

// extended records the result of an extension that began at began, and gives up the deliveries that the source has taken back.
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

// giveUp fences the results of lost deliveries, cancels their handlers, ends those that wait, and then logs all of them [F2].
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
		if f := delivery.flight; running[delivery.tx] == nil && l.removeWaiting(f) {
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
