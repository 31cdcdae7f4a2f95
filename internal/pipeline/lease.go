package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// leases keeps the deliveries of a LeaseKeeper from fetch to settlement, and gives up what the source takes back: when a lease expires, or
// after the longest hold. A delivery has expired as soon as the monotonic or the wall clock says so, because the monotonic clock of a
// machine that is suspended stands still. The zero value does nothing.
type leases struct {
	keeper        capability.LeaseKeeper // nil: deliveries cannot be extended
	duration      time.Duration          // of a lease; without a keeper that of the longest hold
	maxHold       time.Duration          // from fetch to settlement; 0: no limit
	size          int                    // the maximum number of leases in one call
	clock         clock
	now           func() time.Time // the wall clock
	hanging       *Hanging
	watcher       *watcher
	running       func() []shown                   // the attempts in progress
	removeWaiting func(f *flight) bool             // removes a waiting flight from its structure; false: it does not wait
	end           func([]*flight, lifecycle.Event) // ends flights that removeWaiting removed
	shorter       chan struct{}                    // something must be extended before the next tick
	sooner        chan struct{}                    // something may expire before the next look

	mu    sync.Mutex
	held  map[*flight]*leased // nil: deliveries do not expire
	early instant             // when the first extension before a tick is due; 0: none is
}

// leased is a delivery that expires. leases does not own the flight and touches only flight.lost.
type leased struct {
	flight *flight
	tx     *ergon.Transaction
	since  instant // when its fetch began
	until  instant // guarded by leases.mu
	wall   int64   // the same by the wall clock, in nanoseconds; guarded by leases.mu
	early  instant // when it must be extended, if that is before the next tick; 0: it need not; guarded by leases.mu
	// settling is guarded by leases.mu. The delivery is being settled: an extension may find it stale for that reason, and only the
	// settlement can tell whether the lease was lost.
	settling bool
}

// hold adds the deliveries of a fetch that began at fetched. Unless a delivery says when it expires, its lease began between then and now.
// After a slow fetch the start of the fetch is too pessimistic, so half a lease from now is assumed until the first extension.
func (l *leases) hold(flights []*flight, fetched instant) {
	if l.held == nil {
		return
	}
	now, wall := l.clock.Now(), l.now()
	until := max(fetched.After(l.duration), now.After(l.duration/2))
	shorter, sooner := false, false
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range flights {
		delivery := &leased{flight: f, tx: f.tx, since: fetched}
		l.lasts(delivery, until, now, wall)
		if at := f.tx.Delivery().ExpiresAt; !at.IsZero() {
			left := at.Sub(wall)
			l.lasts(delivery, now.After(left), now, wall)
			sooner = sooner || left < l.duration/2
			shorter = l.extendEarly(delivery, now, left) || shorter
		}
		l.held[f] = delivery
	}
	if shorter {
		signal(l.shorter)
	}
	if sooner {
		signal(l.sooner)
	}
}

// lasts sets when a delivery expires, which is not after its longest hold.
func (l *leases) lasts(delivery *leased, until, now instant, wall time.Time) {
	if l.maxHold > 0 {
		until = min(until, delivery.since.After(l.maxHold))
	}
	const century = 100 * 365 * 24 * time.Hour
	delivery.until, delivery.wall = until, wall.UnixNano()+min(int64(until-now), int64(century))
}

// bound returns deadline, or the end of the time for which the source lets f be held, less what settlement needs.
func (l *leases) bound(f *flight, deadline instant) instant {
	if l.maxHold <= 0 {
		return deadline
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if delivery := l.held[f]; delivery != nil {
		return min(deadline, delivery.since.After(longestWork(l.maxHold)))
	}
	return deadline
}

// settle leaves it to the settlement of batch to report lost leases.
func (l *leases) settle(batch []*flight) {
	if l.held == nil {
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
	if l.held == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range batch {
		delete(l.held, f)
	}
}

// run extends all leases until ctx ends, and gives up what expires.
func (l *leases) run(ctx context.Context) {
	if l.keeper == nil {
		l.giveUpExpired(ctx)
		return
	}
	var expiring sync.WaitGroup
	expiring.Go(func() { l.giveUpExpired(ctx) })
	defer expiring.Wait()
	l.extendAll(ctx)
}
