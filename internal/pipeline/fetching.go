package pipeline

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/spans"
)

// fetched is what one fetch came to.
type fetched struct {
	transactions []ergon.Transaction
	exhausted    bool
	span         trace.SpanContext
	quiet        bool // nothing was in flight when the fetch began
	err          error
	cut          bool // a pause cut it short: nothing was accepted
	held         bool // it came in a pause and cannot be given back: accepted once that is over
}

// fetching is a fetch under way.
type fetching struct {
	asked int
	ctx   context.Context //nolint:containedctx // carries its span
	span  trace.Span
	quiet bool                                 // nothing was in flight when it began
	first atomic.Pointer[inline.Call[fetched]] // its first attempt, where a worker has made it and nobody has adopted it yet
}

// plain reports whether there is nothing to decide: the fetch brought something that is accepted, and the source may have more.
func (f *fetched) plain() bool {
	return f.err == nil && len(f.transactions) > 0 && !f.exhausted && !f.held
}

// begin begins a fetch of n.
func (i *fetchLoop) begin(n int) *fetching {
	i.last = i.clock.Now()
	i.stall.fetching.Store(int64(i.last.After(i.stall.fetch)))
	f := &fetching{asked: n, quiet: i.capacity.unsettled.Load() == 0}
	f.ctx, f.span = i.watcher.fetchStarted(i.gate.context(i.ctx), n)
	return f
}

// fetchBy has w fetch. What is recorded in spans is left to the loop's goroutine.
func (i *fetchLoop) fetchBy(w *worker, f *fetching) {
	if f.span.IsRecording() {
		i.begun = f
		return
	}
	call := inline.New(f.ctx, i.settings.Policy.Fetch.Retry.Timeout, func(ctx context.Context) (fetched, error) {
		return i.call(ctx, f.asked)
	}, i.late)
	if runInline(w, call, func() {
		i.replaceWorker(w)
		f.first.Store(call)
		i.begun = f
		i.give(true)
	}) {
		if got := i.fetched(f, call.Result(), nil, w); !got.plain() {
			i.handed = got
		}
		return
	}
	f.first.Store(call)
	i.begun = f
}

// fetch asks the source once, with the fetch policy's retries. What comes back late is released.
func (i *fetchLoop) fetch(f *fetching) *fetched {
	got, err := ergon.RunFn(f.ctx, i.settings.Policy.Fetch.Retry, func(ctx context.Context) (fetched, error) {
		if first := f.first.Swap(nil); first != nil {
			return first.Adopt(ctx)
		}
		return i.call(ctx, f.asked)
	}, ergon.RunOption{Name: spans.Fetch, OnLateResult: func(result any, err error) {
		if late, ok := result.(fetched); ok {
			i.late(late, err)
		}
	}})
	if first := f.first.Swap(nil); first != nil { // there was no attempt any more
		first.Drop()
	}
	return i.fetched(f, got, err, nil)
}

// late releases what was fetched too late.
func (i *fetchLoop) late(got fetched, _ error) {
	if len(got.transactions) > 0 {
		i.release(i.values, got.transactions)
		i.calls.end()
	}
}

// fetched accepts what came of a fetch. by is the worker that made it; nil for the loop's goroutine.
func (i *fetchLoop) fetched(f *fetching, got fetched, err error, by *worker) *fetched {
	if len(got.transactions) > 0 {
		i.calls.end()
		i.empties = 0
	}
	if got, err = i.heedPause(f, got, err); got.cut {
		i.watcher.fetchEnded(f.span, 0, i.clock.Now()-i.last, nil)
		return &got
	}
	took := i.clock.Now() - i.last
	i.slow.Store(i.pool.slow(took, i.settings.Policy.Fetch.Retry.Timeout))
	i.stats.shards[0].phases[phaseFetch].observe(took)
	i.watcher.fetchEnded(f.span, len(got.transactions), took, err)
	got.span, got.quiet, got.err = f.span.SpanContext(), f.quiet, err
	if err == nil && !got.held {
		i.adapt(f.asked, len(got.transactions))
		i.accept(got.transactions, got.span, by)
	}
	return &got
}

// call is one call of the source. Whoever gets the transactions that it returns ends it; without any, or after an error, it
// has ended by itself.
func (i *fetchLoop) call(ctx context.Context, n int) (got fetched, err error) {
	i.calls.begin()
	defer func() {
		if len(got.transactions) == 0 {
			i.calls.end()
		}
	}()
	if ctx.Err() != nil { // given up before it began
		return fetched{}, context.Cause(ctx)
	}
	if err := i.settings.Hanging.enter(callFetch); err != nil {
		return fetched{}, err
	}
	defer i.settings.Hanging.leave(callFetch)
	txs, err := i.settings.Source.FetchTransactions(ctx, n)
	err = foreign.Read(err)
	if errors.Is(err, ergon.ErrExhausted) {
		return fetched{transactions: txs, exhausted: true}, nil
	}
	i.stall.excuseDelayOf(err)
	if err != nil {
		if len(txs) > 0 {
			i.release(i.values, txs)
		}
		return fetched{}, err
	}
	return fetched{transactions: txs}, nil
}

// heedPause decides about a fetch that a pause has met: one that it cancelled is no failure, and what one brings all the same
// is given back.
func (i *fetchLoop) heedPause(f *fetching, got fetched, err error) (fetched, error) {
	cancelled := errors.Is(context.Cause(f.ctx), errPaused)
	switch {
	case err != nil && cancelled:
		return fetched{cut: true}, nil
	case err != nil || len(got.transactions) == 0 || !i.gate.paused():
		return got, err
	case i.settler.source == nil:
		got.held = true
		return got, nil
	default:
		i.releaseBeside(got.transactions)
		return fetched{cut: true}, nil
	}
}

// acceptHeld waits for the end of the pause in which something was fetched. The loop's goroutine keeps fetchLock meanwhile, so
// that nothing overtakes it.
func (i *fetchLoop) acceptHeld(ctx context.Context, got *fetched) {
	i.stall.fetching.Store(0)
	for i.gate.paused() {
		select {
		case <-i.capacity.available:
		case <-ctx.Done():
			i.stats.fetched.Add(int64(len(got.transactions)))
			i.capacity.unsettled.Add(int64(len(got.transactions)))
			i.interruptWaiting(i.flightMemory.newFlights(got.transactions))
			return
		}
	}
	i.accept(got.transactions, got.span, nil)
}
