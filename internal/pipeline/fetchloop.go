package pipeline

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// fetchLoop fetches from the source until it has ended, the limit is reached or fetching is stopped. One goroutine runs it, and
// while that waits for capacity, a worker that has made some fetches in its place: see [worker.serve].
type fetchLoop struct {
	*Consumer
	loop      policy.Loop
	ctx       context.Context //nolint:containedctx // ends when fetching is stopped; workers fetch in it as well
	fetchLock semaphore       // held by whoever fetches, or decides whether to; not while waiting for capacity
	awaited   atomic.Bool     // a worker waits for fetchLock
	begun     *fetching       // by a worker, and to be gone on with by the loop's goroutine
	handed    *fetched        // by a worker, which has brought what only the loop's goroutine deals with
	slow      atomic.Bool     // the last fetch took so long that no worker fetches: see [pool.slow]
	size      int             // what one fetch asks for now
	quota     Quota           // transactions that may still be started; nil: no limit
	empties   int             // empty fetches in a row
	nothing   bool            // the last fetch in an outage brought nothing
	filling   filling
	calls     fetchCalls
	last      instant
}

func newFetchLoop(c *Consumer) *fetchLoop {
	i := &fetchLoop{Consumer: c, loop: c.settings.Policy.Loop, quota: quotaOf(c.settings), fetchLock: newSemaphore(), calls: newFetchCalls()}
	i.size = i.loop.Batch.Size
	i.slow.Store(c.pool.slow(0, c.settings.Policy.Fetch.Retry.Timeout))
	return i
}

// run returns nil at the natural end and when ctx ends, and the error of a fetch that failed for good.
func (i *fetchLoop) run(ctx context.Context) error {
	err := i.fetchAll(ctx)
	i.endFilling(ctx)
	i.attend(ctx)
	return err
}

func (i *fetchLoop) fetchAll(ctx context.Context) error {
	defer i.stall.fetching.Store(0)
	i.fetchLock.acquire()
	defer i.fetchLock.release()
	defer i.capacity.wakeOn.Store(wakeNever)
	defer func() {
		if i.begun != nil { // fetching was stopped meanwhile
			i.fetch(i.begun)
		}
	}()
	for !i.spent() {
		got := i.next(ctx)
		if got != nil && got.held {
			i.acceptHeld(ctx, got)
		}
		switch {
		case got == nil:
			return nil
		case got.cut:
			continue
		case got.err != nil && ctx.Err() != nil:
			return nil // fetching was stopped; who stopped it knows why
		case got.err != nil:
			return &FetchError{Connector: i.settings.Policy.Fetch.Connector, Err: got.err}
		case got.exhausted:
			return nil
		case len(i.filling.flights) > 0:
			i.paceFilling()
			continue
		case len(got.transactions) > 0:
			i.nothing = false
			i.stats.returning.Store(0)
			continue
		case !i.loop.Streaming && got.quiet && !i.owes(ctx):
			return nil
		case i.outage.lasts() && !i.nothing:
			i.nothing = true
		case !i.rest(ctx):
			return nil
		}
	}
	return nil
}

// next fetches once there is capacity, or returns what a worker has fetched meanwhile; nil: fetching was stopped, or the limit
// is reached.
func (i *fetchLoop) next(ctx context.Context) *fetched {
	for !i.spent() {
		i.beginFilled()
		if got := i.handed; got != nil {
			i.handed = nil
			return got
		}
		if f := i.begun; f != nil {
			i.begun = nil
			i.capacity.wakeOn.Store(wakeNever)
			return i.fetch(f)
		}
		if i.outage.lasts() && !i.gate.paused() {
			if got, ok := i.probe(ctx); got != nil || !ok {
				return got
			}
			continue
		}
		i.capacity.wakeOn.Store(i.capacity.whileWaiting) // before looking, so that what is freed from now on wakes the loop
		if n := i.ask(); n > 0 {
			i.capacity.wakeOn.Store(wakeNever)
			wait := i.untilFetch()
			if ctx.Err() != nil || (wait > 0 && !i.sleep(ctx, wait)) {
				return nil
			}
			if wait <= 0 {
				return i.fetch(i.begin(i.worthwhile(n)))
			}
			continue
		}
		if !i.waitForRoom(ctx) {
			return nil
		}
	}
	return nil
}

// waitFor waits until something happens, or for d where that is more than 0; false when ctx ends.
func (i *fetchLoop) waitFor(ctx context.Context, d time.Duration) bool {
	i.stall.fetching.Store(0)
	timer := afterOrNever(d)
	defer timer.stop()
	select {
	case <-i.capacity.available:
	case <-timer.c:
	case <-ctx.Done():
		return false
	}
	return true
}

// waitForRoom lets workers take turns meanwhile.
func (i *fetchLoop) waitForRoom(ctx context.Context) bool {
	i.fetchLock.release()
	defer i.fetchLock.acquire()
	return i.waitFor(ctx, i.untilFilled())
}

// fetchInline has a worker fetch, if the loop's goroutine waits for capacity and there is some, and reports whether it did. It
// goes on while there are slots for which nothing is fetched. What is not [fetched.plain] is left to the loop's goroutine.
func (i *fetchLoop) fetchInline(w *worker) (did bool) {
	if i.slow.Load() || i.loop.Batch.Fill > 0 {
		i.capacity.notify()
		return false
	}
	for i.capacity.wakeOn.Load() != wakeNever && i.free() > 0 && (!did || i.capacity.idle()) && i.fetchLock.tryAcquire() {
		n := i.ask()
		due := n > 0 && i.handed == nil && i.begun == nil && i.capacity.wakeOn.Load() != wakeNever && i.ctx.Err() == nil && !i.outage.lasts()
		wait := due && i.pause() > 0
		if due && !wait {
			did = true
			i.fetchBy(w, i.begin(n))
		}
		i.stall.fetching.Store(0)
		if call := wait || i.handed != nil || i.begun != nil || i.spent(); call || !due {
			i.give(call)
			break
		}
		i.give(false)
	}
	return did
}

// give ends what a worker does here, and calls the loop's goroutine where it is to go on.
func (i *fetchLoop) give(call bool) {
	i.fetchLock.release()
	if call {
		signal(i.capacity.available)
	}
}

// worthwhile is n and what is about to end, where a fetch takes long: it may as well bring more.
func (i *fetchLoop) worthwhile(n int) int {
	if !i.slow.Load() {
		return n
	}
	for range maxYields {
		runtime.Gosched()
		more := i.ask()
		if more <= n {
			break
		}
		n = more
	}
	return n
}

// ask is how much to ask the source for now.
func (i *fetchLoop) ask() int {
	n := min(i.free(), i.size)
	if i.quota != nil {
		n = int(min(int64(n), i.quota.Left()))
	}
	return n
}

// spent reports whether nothing more may be started.
func (i *fetchLoop) spent() bool { return i.quota != nil && i.quota.Left() <= 0 }

// free returns how many transactions may be fetched now.
func (i *fetchLoop) free() int {
	if i.gate.paused() || i.outage.lasts() || i.waiting.full() || i.order.full() {
		return 0
	}
	if i.loop.Mode == policy.ModeBatch {
		unsettled := int(i.capacity.unsettled.Load())
		if unsettled > i.filling.count {
			return 0
		}
		return max(i.loop.Batch.Size, i.loop.Batch.MaxSize) - unsettled
	}
	return i.capacity.free()
}

// untilFetch is how long to wait before a fetch is allowed, or the batch has waited long enough for more.
func (i *fetchLoop) untilFetch() time.Duration {
	wait := i.pause()
	if filled := i.untilFilled(); filled > 0 {
		return min(wait, filled)
	}
	return wait
}

// pause returns how long to wait before a fetch is allowed.
func (i *fetchLoop) pause() time.Duration {
	var next instant
	if i.loop.Batch.Interval > 0 && i.last != 0 {
		next = i.last.After(i.loop.Batch.Interval)
	}
	if next = max(next, i.filling.next); next == 0 {
		return 0
	}
	return time.Duration(next - i.clock.Now())
}

// owes reports whether the source holds back what this loop requeued, where it can count: a loop that ended now would leave
// that undone.
func (i *fetchLoop) owes(ctx context.Context) bool {
	source, counts := i.settings.Source.(ergon.Counter)
	if !counts || i.stats.ended[Requeued].Load() == 0 {
		return false
	}
	i.stall.expectWithin(i.stall.fetch)
	n, err := ergon.RunFn(ctx, i.settings.Policy.Fetch.Retry, func(ctx context.Context) (int64, error) {
		if err := i.settings.Hanging.enter(callCount); err != nil {
			return 0, err
		}
		defer i.settings.Hanging.leave(callCount)
		return source.CountTransactions(ctx)
	}, ergon.RunOption{Name: spans.Count})
	if err != nil {
		i.watcher.notCounted(err)
		i.stats.returning.Store(0)
		return false
	}
	i.stats.returning.Store(max(n, 0))
	if n == 0 {
		i.unwritten.clear() // others have done it
	}
	return n > i.unwritten.refused() // which would come back for ever
}

// rest waits after an empty fetch. Where the loop is not streaming there is something in flight, whose end ends the rest.
func (i *fetchLoop) rest(ctx context.Context) bool {
	i.empties++
	p := i.loop.EmptyQueue
	wait := p.Jittered(p.Delay(i.empties), rand.Float64())
	i.watcher.empty(wait)
	i.stall.expectWithin(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-i.capacity.available:
			if !i.loop.Streaming && i.capacity.unsettled.Load() == 0 {
				return true
			}
		}
	}
}

func (i *fetchLoop) sleep(ctx context.Context, d time.Duration) bool {
	i.stall.expectWithin(d)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// accept hands transactions to the pool. What is beyond the limit is released: it does not count as fetched.
func (i *fetchLoop) accept(txs []ergon.Transaction, from trace.SpanContext, by *worker) {
	if i.quota != nil && len(txs) > 0 {
		if n := i.quota.Take(i.ctx, len(txs)); n < len(txs) {
			i.releaseBeside(txs[n:])
			txs = txs[:n]
		}
	}
	if len(txs) == 0 {
		return
	}
	flights := i.flightMemory.newFlights(txs)
	i.stats.fetched.Add(int64(len(txs)))
	i.capacity.unsettled.Add(int64(len(txs)))
	i.leases.hold(flights, i.last)
	i.watcher.fetched(len(flights))
	if i.watcher.linksFetch() {
		for _, f := range flights {
			f.needAside().fetched = from
		}
	}
	ready := i.order.ready(flights)
	switch {
	case i.fills():
		i.fill(ready, len(txs))
	case len(ready) > 0:
		i.outage.hand(ready, by)
	}
}

// adapt moves the size between its bounds: up while fetches come back full, down when they come back less than half full.
func (i *fetchLoop) adapt(asked, got int) {
	b := i.loop.Batch
	if !b.Adapts() || asked < i.size {
		return // fewer free slots than the size say nothing about the source
	}
	switch {
	case got >= asked:
		i.size = min(2*i.size, b.MaxSize)
	case got < asked/2:
		i.size = max(i.size/2, b.MinSize)
	}
}
