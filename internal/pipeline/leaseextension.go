package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// extensionsPerLease is the number of extensions within the duration of a lease: it survives two that fail.
const extensionsPerLease = 4

// minExtension is the shortest time between two extensions of a lease that is about to expire.
const minExtension = 10 * time.Millisecond

// extendAll extends all leases a few times within their duration, and those that began before their fetch in good time.
func (l *leases) extendAll(ctx context.Context) {
	ticker := time.NewTicker(l.interval())
	defer ticker.Stop()
	for {
		early := afterOrNever(l.untilEarly())
		select {
		case <-ctx.Done():
			early.stop()
			return
		case <-ticker.C:
			l.expire() // what the wall clock has ended in a suspended machine is not extended
			l.extend(ctx, l.all())
		case <-early.c:
			l.extend(ctx, l.dueEarly())
		case <-l.shorter:
		}
		early.stop()
	}
}

func (l *leases) interval() time.Duration { return max(l.duration/extensionsPerLease, 1) }

func (l *leases) all() []*leased {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.held))
}

// extendEarly notes that a delivery with so much time left may have to be extended before the next tick, and reports whether it has to be
// before all others. The caller holds mu.
func (l *leases) extendEarly(delivery *leased, now instant, left time.Duration) bool {
	if left >= l.duration {
		return false
	}
	delivery.early = now.After(max(left/extensionsPerLease, minExtension))
	if l.early != 0 && l.early <= delivery.early {
		return false
	}
	l.early = delivery.early
	return true
}

// untilEarly is how long to wait for the first extension before a tick; 0: none is due.
func (l *leases) untilEarly() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.early == 0 {
		return 0
	}
	return max(time.Duration(l.early-l.clock.Now()), 1)
}

// dueEarly returns the deliveries that must be extended now. If that fails, they are due again with less time left.
func (l *leases) dueEarly() []*leased {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	var due []*leased
	l.early = 0
	for _, delivery := range l.held {
		if delivery.early == 0 {
			continue
		}
		if delivery.early <= now {
			delivery.early = 0
			l.extendEarly(delivery, now, time.Duration(delivery.until-now))
			due = append(due, delivery)
		} else if l.early == 0 || delivery.early < l.early {
			l.early = delivery.early
		}
	}
	return due
}

func (l *leases) extend(ctx context.Context, deliveries []*leased) {
	now := l.clock.Now()
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
	now, wall := l.clock.Now(), l.now()
	l.mu.Lock()
	var lost []*leased
	for i, delivery := range deliveries {
		_, held := l.held[delivery.flight]
		switch {
		case !held:
		case err == nil || partial && batch.Failures[i] == nil:
			l.lasts(delivery, began.After(l.duration), now, wall)
			delivery.early = 0
		case delivery.settling:
		case partial && errors.Is(batch.Failures[i], capability.ErrStaleDelivery):
			delete(l.held, delivery.flight)
			lost = append(lost, delivery)
		}
	}
	l.mu.Unlock()
	l.giveUp(lost)
}
