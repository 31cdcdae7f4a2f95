package pipeline

import (
	"context"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// giveUpExpired has its own goroutine, so that an extension that hangs does not delay the end of a handler whose delivery already
// belongs to another worker.
func (l *leases) giveUpExpired(ctx context.Context) {
	timer := time.NewTimer(l.duration / 2) // nothing runs out before, unless it says so
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-l.sooner:
		}
		timer.Reset(l.expire())
	}
}

// expire gives up the deliveries that have expired, and returns the time until the next may expire.
func (l *leases) expire() time.Duration {
	now, wall := l.clock.Now(), l.now().UnixNano()
	next := now.After(max(l.duration/2, 1)) // a delivery fetched from now on lasts at least that long, or signals sooner
	var lost []*leased
	l.mu.Lock()
	for f, delivery := range l.held {
		if delivery.until <= now || delivery.wall <= wall {
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
