package pipeline

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// fetchLoop fetches until the source is exhausted, the limit is reached or fetching is stopped. One goroutine runs it. While that waits
// for capacity, a worker that has made some fetches in its place: see [service].
type fetchLoop struct {
	policy     policy.Loop
	clock      clock
	connector  string // the source's name, for errors
	source     fetcher
	admission  admission
	returning  returning
	capacity   *capacity
	outage     *outage
	gate       *fetchGate
	stall      *stallDetector
	stats      *loopStats
	watcher    *watcher
	canRequeue bool            // the source takes back what comes in a pause
	woken      chan struct{}   // ends the rest after an empty fetch
	pinned     bool            // workers are bound to threads
	release    func([]*flight) // ends flights that nobody runs, as a shutdown does
	// endWaiting ends flights that nobody runs with an event, and continues with those that waited behind their keys.
	endWaiting func([]*flight, lifecycle.Event)

	ctx       context.Context //nolint:containedctx // ends when fetching is stopped; workers fetch in it as well
	fetchLock semaphore       // held by whoever fetches, or decides whether to; not while waiting for capacity
	awaited   atomic.Bool     // a worker waits for fetchLock
	slow      atomic.Bool     // the last fetch took so long that no worker makes the next: see tooSlow
	started   *fetching       // by a worker; the loop's goroutine continues with it
	fetched   *fetched        // by a worker; the loop's goroutine decides what follows
	pace      pace
	filling   filling
	nothing   bool // the last fetch in an outage brought nothing
}

// run returns nil at the natural end and when ctx ends, and the error of a fetch that failed permanently.
func (l *fetchLoop) run(ctx context.Context) error {
	l.ctx = ctx
	if l.canRequeue { // otherwise a fetch that a pause cancels would lose what it brings
		l.gate.open(ctx)
	}
	err := l.fetchAll(ctx)
	l.capacity.demand.stop()
	if batch := l.filling.take(); ctx.Err() != nil {
		l.release(batch)
	} else if len(batch) > 0 {
		l.outage.hand(batch, nil)
	}
	l.probeRest(ctx)
	return err
}

func (l *fetchLoop) fetchAll(ctx context.Context) error {
	defer l.stall.fetching.Store(0)
	l.fetchLock.acquire()
	defer l.fetchLock.release()
	defer l.capacity.wakeOn.Store(wakeNever)
	defer func() {
		if l.started != nil { // fetching was stopped meanwhile
			l.fetch(l.started)
		}
	}()
	for !l.admission.spent() {
		got := l.next(ctx)
		if got == nil {
			return nil
		}
		if last, err := l.follow(ctx, got); last {
			return err
		}
	}
	return nil
}

// follow does what follows a fetch, and reports whether that was the last.
func (l *fetchLoop) follow(ctx context.Context, got *fetched) (last bool, err error) {
	if got.held {
		l.acceptHeld(ctx, got)
	}
	switch {
	case got.cut:
		return false, nil
	case got.err != nil && ctx.Err() != nil:
		return true, nil //nolint:nilerr // whoever stopped fetching knows why
	case got.err != nil:
		return true, &FetchError{Connector: l.connector, Err: got.err}
	case got.exhausted:
		return true, nil
	case l.filling.waits():
		l.filling.delay(l.pace.afterEmpty())
		return false, nil
	case len(got.transactions) > 0:
		l.nothing = false
		l.stats.returning.Store(0)
		return false, nil
	case !l.policy.Streaming && got.wasIdle && !l.returning.expected(ctx):
		return true, nil
	case l.outage.lasts() && !l.nothing:
		l.nothing = true
		return false, nil
	default:
		return !l.rest(ctx), nil
	}
}

// next fetches once there is capacity, or returns what a worker has fetched meanwhile. It returns nil if fetching was stopped or the
// limit is reached.
func (l *fetchLoop) next(ctx context.Context) *fetched {
	for !l.admission.spent() {
		if l.filling.waits() && l.filling.complete() {
			l.outage.hand(l.filling.take(), nil)
		}
		if got := l.takePending(); got != nil {
			return got
		}
		if l.outage.lasts() && !l.gate.paused() {
			if got, ok := l.probe(ctx); got != nil || !ok {
				return got
			}
			continue
		}
		l.capacity.wakeOn.Store(l.capacity.whileWaiting) // before looking, so that what becomes free from now on wakes the loop
		n := l.ask()
		if n <= 0 {
			if !l.waitForCapacity(ctx) {
				return nil
			}
			continue
		}
		l.capacity.wakeOn.Store(wakeNever)
		wait := l.filling.within(l.pace.untilNext(l.filling.next))
		if ctx.Err() != nil || (wait > 0 && !l.sleep(ctx, wait)) {
			return nil
		}
		if wait <= 0 {
			return l.fetch(l.begin(l.withEnding(n)))
		}
	}
	return nil
}

// takePending takes what a worker has left to the loop's goroutine, and continues with it; nil for nothing.
func (l *fetchLoop) takePending() *fetched {
	if got := l.fetched; got != nil {
		l.fetched = nil
		return got
	}
	f := l.started
	if f == nil {
		return nil
	}
	l.started = nil
	l.capacity.wakeOn.Store(wakeNever)
	return l.fetch(f)
}

// ask is how much to ask the source for now.
func (l *fetchLoop) ask() int { return l.admission.within(min(l.free(), l.pace.size)) }

// free is how many transactions may be fetched now.
func (l *fetchLoop) free() int {
	if l.gate.paused() || l.outage.lasts() || l.capacity.full() {
		return 0
	}
	if l.policy.Mode != policy.ModeBatch {
		return l.capacity.free()
	}
	unsettled := int(l.capacity.unsettled.Load())
	if unsettled > l.filling.count {
		return 0
	}
	return max(l.policy.Batch.Size, l.policy.Batch.MaxSize) - unsettled
}

// waitForCapacity lets workers fetch meanwhile.
func (l *fetchLoop) waitForCapacity(ctx context.Context) bool {
	l.fetchLock.release()
	defer l.fetchLock.acquire()
	return l.waitFor(ctx, l.filling.untilBegin())
}

// waitFor waits until something happens, or for d if that is more than 0; false if ctx ends.
func (l *fetchLoop) waitFor(ctx context.Context, d time.Duration) bool {
	l.stall.fetching.Store(0)
	timer := afterOrNever(d)
	defer timer.stop()
	select {
	case <-l.capacity.available:
	case <-timer.c:
	case <-ctx.Done():
		return false
	}
	return true
}

// rest waits after an empty fetch; false if ctx ends. A loop that is not streaming has something in flight, and rests no longer than
// that.
func (l *fetchLoop) rest(ctx context.Context) bool {
	wait := l.pace.afterEmpty()
	l.watcher.log.empty(wait)
	l.stall.expectWithin(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-l.woken:
			return true
		case <-l.capacity.available:
			if !l.policy.Streaming && l.capacity.unsettled.Load() == 0 {
				return true
			}
		}
	}
}

// sleep reports false if ctx ends first.
func (l *fetchLoop) sleep(ctx context.Context, d time.Duration) bool {
	l.stall.expectWithin(d)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
