package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// extensionsPerLease is how often a lease is extended within its duration: two may fail before it is lost.
const extensionsPerLease = 3

// leases keeps the deliveries of a LeaseKeeper from fetch to settlement. The zero value does nothing.
type leases struct {
	consumer *Consumer
	keeper   ergon.LeaseKeeper // nil: deliveries do not expire
	duration time.Duration
	mu       sync.Mutex
	held     map[*flight]instant // until when
}

func (l *leases) hold(flights []*flight, fetched instant) {
	if l.keeper == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range flights {
		l.held[f] = fetched.after(l.duration)
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

// run extends all leases until ctx ends.
func (l *leases) run(ctx context.Context) {
	ticker := time.NewTicker(l.duration / extensionsPerLease)
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

func (l *leases) extend(ctx context.Context) {
	now := l.consumer.clock.now()
	l.mu.Lock()
	flights := make([]*flight, 0, len(l.held))
	for f := range l.held {
		flights = append(flights, f)
	}
	l.mu.Unlock()
	for part := range slices.Chunk(flights, max(l.consumer.settings.Policy.Settle.Size, 1)) {
		l.extended(part, now, l.call(ctx, part))
	}
}

// call makes one attempt, which must not outlast the next tick; that tick is the retry.
func (l *leases) call(ctx context.Context, flights []*flight) error {
	batch := make([]ergon.Transaction, len(flights))
	for i, f := range flights {
		batch[i] = *f.tx
	}
	once := policy.Retry{MaxAttempts: 1, Timeout: l.duration / extensionsPerLease, BackoffMultiplier: 1}
	ctx, span := l.consumer.watcher.leasesStarted(ctx, len(batch))
	_, err := ergon.RunFn(ctx, once, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, l.keeper.ExtendLeases(ctx, batch)
	}, ergon.RunOption{Name: spans.ExtendLeases})
	l.consumer.watcher.leasesEnded(span, err)
	return err
}

// extended notes new ends and gives up what is lost: named by the source, or past its end.
func (l *leases) extended(flights []*flight, began instant, err error) {
	batch, partial := errors.AsType[*ergon.BatchError](err)
	now := l.consumer.clock.now()
	l.mu.Lock()
	var lost []*flight
	for i, f := range flights {
		until, held := l.held[f]
		switch {
		case !held:
		case err == nil || partial && batch.Failures[i] == nil:
			l.held[f] = began.after(l.duration)
		case partial && errors.Is(batch.Failures[i], ergon.ErrStaleDelivery) || now >= until:
			delete(l.held, f)
			lost = append(lost, f)
		}
	}
	l.mu.Unlock()
	if len(lost) > 0 {
		l.consumer.leasesLost(lost)
	}
}

// leasesLost fences the results of transactions that belong to their source again, and cancels their handlers.
func (c *Consumer) leasesLost(lost []*flight) {
	for _, f := range lost {
		f.lost.Store(true)
		c.watcher.leaseLost(f)
	}
	for _, r := range c.pool.running() {
		if a := r.attempt; slices.ContainsFunc(lost, func(f *flight) bool { return f.tx == a.tx }) {
			a.cancel(context.Canceled, ergon.ErrStaleDelivery)
		}
	}
}
