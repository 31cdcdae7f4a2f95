package pipeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// intake fetches from the source until it has ended, the limit is reached or fetching is stopped. One goroutine runs it.
type intake struct {
	*Consumer
	loop    policy.Loop
	size    int   // what one fetch asks for now
	left    int64 // transactions that may still be started
	empties int   // empty fetches in a row
	// mostBehind is how many transactions may wait for settlement before fetching pauses.
	mostBehind int
	closely    int32 // how closely to hear of room
	last       instant
}

// fewSlots is up to how many slots the fetch loop hears of every end.
const fewSlots = 4 * chunkSize

// fetched is what one fetch came to.
type fetched struct {
	transactions []ergon.Transaction
	exhausted    bool
	span         trace.SpanContext
}

func newIntake(c *Consumer) *intake {
	i := &intake{Consumer: c, loop: c.settings.Policy.Loop, left: -1}
	i.size = i.loop.Batch.Size
	i.mostBehind = 10 * max(c.settings.Policy.Settle.Size, i.loop.Concurrency.Most())
	if i.loop.Limit > 0 {
		i.left = i.loop.Limit
	}
	i.closely = coarsely
	if i.loop.Concurrency.Most()+i.loop.Batch.Prefetch <= fewSlots {
		i.closely = exactly
	}
	return i
}

// run returns nil at the natural end and when ctx ends, and the error of a fetch that failed for good.
func (i *intake) run(ctx context.Context) error {
	for i.left != 0 {
		n, ok := i.waitForRoom(ctx)
		if !ok {
			return nil
		}
		quiet := i.room.unsettled.Load() == 0
		got, err := i.fetch(ctx, n)
		if err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // fetching was stopped; who stopped it knows why
			}
			return &FetchError{Connector: i.settings.Policy.Fetch.Connector, Err: err}
		}
		i.adapt(n, len(got.transactions))
		i.accept(got.transactions, got.span)
		if got.exhausted {
			return nil
		}
		if len(got.transactions) > 0 {
			i.empties = 0
			continue
		}
		if !i.loop.Streaming && quiet && !i.owes(ctx) {
			return nil
		}
		if !i.rest(ctx) {
			return nil
		}
	}
	return nil
}

// waitForRoom returns how much to ask for, once the mode, the free slots, the outage and the interval allow a fetch.
func (i *intake) waitForRoom(ctx context.Context) (int, bool) {
	for {
		i.room.wanted.Store(i.closely) // before looking, so that what is freed from now on wakes the loop
		n := min(i.free(), i.size)
		if i.left > 0 {
			n = int(min(int64(n), i.left))
		}
		if n > 0 {
			i.room.wanted.Store(notWanted)
			wait := i.pause()
			if wait <= 0 {
				return n, ctx.Err() == nil
			}
			if !i.sleep(ctx, wait) {
				return 0, false
			}
			continue
		}
		select {
		case <-i.room.free:
		case <-ctx.Done():
			return 0, false
		}
	}
}

// free returns how many transactions may be fetched now.
func (i *intake) free() int {
	unsettled := int(i.room.unsettled.Load())
	if i.outage.lasts() {
		return max(1-unsettled, 0)
	}
	if i.loop.Mode == policy.ModeBatch {
		if unsettled > 0 {
			return 0
		}
		return i.size
	}
	outstanding := i.stats.outstanding()
	if unsettled-outstanding > i.mostBehind {
		return 0
	}
	slots, ahead := int(i.pool.limit.Load()), i.loop.Batch.Prefetch
	if i.order.on {
		ahead = max(ahead, slots) // so that a busy key does not keep free slots from the others
	}
	if outstanding >= slots+(ahead+1)/2 {
		return 0 // what is fetched ahead is refilled by half
	}
	return slots + ahead - outstanding
}

// pause returns how long to wait before a fetch is allowed.
func (i *intake) pause() time.Duration {
	if i.outage.lasts() {
		if wait := i.outage.pause(); wait > 0 {
			return wait
		}
	}
	if i.loop.Batch.Interval > 0 && i.last != 0 {
		return time.Duration(i.last.after(i.loop.Batch.Interval) - i.clock.now())
	}
	return 0
}

// owes reports whether the source holds back what this loop requeued, where it can count: a loop that ended now would leave
// that undone.
func (i *intake) owes(ctx context.Context) bool {
	source, counts := i.settings.Source.(ergon.Counter)
	if !counts || i.stats.ended[Requeued].Load() == 0 {
		return false
	}
	n, err := ergon.RunFn(ctx, i.settings.Policy.Fetch.Retry, source.CountTransactions, ergon.RunOption{Name: spans.Count})
	if err != nil {
		i.watcher.notCounted(err)
	}
	return n > 0
}

// rest waits after an empty fetch. Where the loop is not streaming there is something in flight, whose end ends the rest.
func (i *intake) rest(ctx context.Context) bool {
	i.empties++
	p := i.loop.EmptyQueue
	wait := p.Jittered(p.Delay(i.empties), rand.Float64())
	i.watcher.empty(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-i.room.free:
			if !i.loop.Streaming && i.room.unsettled.Load() == 0 {
				return true
			}
		}
	}
}

func (i *intake) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// fetch asks the source once, with the fetch policy's retries. What comes back late is released.
func (i *intake) fetch(ctx context.Context, n int) (fetched, error) {
	i.last = i.clock.now()
	spanned, span := i.watcher.fetchStarted(ctx, n)
	got, err := ergon.RunFn(spanned, i.settings.Policy.Fetch.Retry, func(ctx context.Context) (fetched, error) {
		txs, err := i.settings.Source.FetchTransactions(ctx, n)
		if errors.Is(err, ergon.ErrExhausted) {
			return fetched{transactions: txs, exhausted: true}, nil
		}
		if err != nil && len(txs) > 0 {
			i.release(i.values, txs)
		}
		return fetched{transactions: txs}, err
	}, ergon.RunOption{Name: spans.Fetch, OnLateResult: func(result any, _ error) {
		if late, ok := result.(fetched); ok && len(late.transactions) > 0 {
			i.release(i.values, late.transactions)
		}
	}})
	took := i.clock.now() - i.last
	i.stats.shards[0].phases[phaseFetch].observe(took)
	i.watcher.fetchEnded(span, len(got.transactions), took, err)
	got.span = span.SpanContext()
	return got, err
}

// accept hands transactions to the pool. What is beyond the limit is released: it does not count as fetched.
func (i *intake) accept(txs []ergon.Transaction, from trace.SpanContext) {
	if i.left >= 0 && int64(len(txs)) > i.left {
		i.releaseBeside(txs[i.left:])
		txs = txs[:i.left]
	}
	if i.left > 0 {
		i.left -= int64(len(txs))
	}
	if len(txs) == 0 {
		return
	}
	flights := i.newFlights(txs)
	i.stats.fetched.Add(int64(len(txs)))
	i.room.unsettled.Add(int64(len(txs)))
	i.leases.hold(flights, i.last)
	i.watcher.accepted(flights, from)
	if ready := i.order.ready(flights); len(ready) > 0 {
		i.pool.submit(ready)
	}
}

// adapt moves the size between its bounds: up while fetches come back full, down when they come back less than half full.
func (i *intake) adapt(asked, got int) {
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
