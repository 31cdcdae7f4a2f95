package pipeline

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/inline"
)

// fetched is the result of one fetch.
type fetched struct {
	transactions []ergon.Transaction
	exhausted    bool
	span         trace.SpanContext
	wasIdle      bool // nothing was in flight when the fetch began
	revoked      bool // some of what it brought was taken back: that it brought nothing else says nothing about the source
	err          error
	cut          bool // a pause cut it short: nothing was accepted
	held         bool // it came in a pause and cannot be requeued: accepted once that is over
}

// plain reports whether there is nothing to decide: the fetch brought something that is accepted, and the source may have more.
func (f *fetched) plain() bool {
	return f.err == nil && len(f.transactions) > 0 && !f.exhausted && !f.held
}

// fetching is a fetch in progress.
type fetching struct {
	asked   int
	ctx     context.Context //nolint:containedctx // carries its span
	span    trace.Span
	wasIdle bool                                 // nothing was in flight when it began
	first   atomic.Pointer[inline.Call[fetched]] // its first attempt, if a worker has made it and nobody has adopted it yet
}

// begin begins a fetch of n.
func (l *fetchLoop) begin(n int) *fetching {
	began := l.pace.begin()
	select { // what woke the loop before this fetch is seen by it
	case <-l.woken:
	default:
	}
	l.stall.fetching.Store(int64(began.After(l.stall.fetch)))
	f := &fetching{asked: n, wasIdle: l.capacity.unsettled.Load() == 0}
	f.ctx, f.span = l.watcher.spans.fetchStarted(l.gate.context(l.ctx), n)
	return f
}

// fetch makes a fetch, with the retries of its policy.
func (l *fetchLoop) fetch(f *fetching) *fetched {
	got, err := l.source.fetch(f.ctx, f.asked, &f.first)
	return l.finish(f, got, err, nil)
}

// finish accepts the result of a fetch. by is the worker that made it; nil for the loop's goroutine.
func (l *fetchLoop) finish(f *fetching, got fetched, err error, by *worker) *fetched {
	if len(got.transactions) > 0 {
		l.source.end()
		l.pace.empties = 0
	}
	took := l.clock.Now() - l.pace.last
	if got, err = l.respectPause(f, got, err); got.cut {
		l.watcher.fetchEnded(f.span, 0, took, nil)
		return &got
	}
	l.slow.Store(tooSlow(took, l.source.retry.Timeout, l.pinned))
	l.stats.shards[0].phases[phaseFetch].observe(took)
	l.watcher.fetchEnded(f.span, len(got.transactions), took, err)
	got.span, got.wasIdle, got.err = f.span.SpanContext(), f.wasIdle && !got.revoked, err
	if err == nil && !got.held {
		l.pace.adapt(f.asked, len(got.transactions))
		l.accept(got.transactions, got.span, by)
	}
	return &got
}

// accept runs what was fetched, or adds it to the batch that waits for more.
func (l *fetchLoop) accept(txs []ergon.Transaction, from trace.SpanContext, by *worker) {
	ready, n := l.admission.admit(l.ctx, txs, from, l.pace.last)
	l.capacity.demand.changed() // with a limit
	switch {
	case n > 0 && l.policy.Batch.Fill > 0 && !l.outage.lasts(): // a probe of an outage does not wait for more
		l.filling.add(ready, n)
	case len(ready) > 0:
		l.outage.hand(ready, by)
	}
}

// respectPause decides about a fetch during which a pause began. One that the pause cancelled has not failed, and what it brings all
// the same is requeued.
func (l *fetchLoop) respectPause(f *fetching, got fetched, err error) (fetched, error) {
	cancelled := errors.Is(context.Cause(f.ctx), errPaused)
	switch {
	case err != nil && cancelled:
		return fetched{cut: true}, nil
	case err != nil || len(got.transactions) == 0 || !l.gate.paused():
		return got, err
	case !l.canRequeue:
		got.held = true
		return got, nil
	default:
		l.admission.requeueUnused(got.transactions)
		return fetched{cut: true}, nil
	}
}

// acceptHeld waits for the end of the pause in which something was fetched. The loop's goroutine keeps fetchLock meanwhile, so that
// nothing overtakes it.
func (l *fetchLoop) acceptHeld(ctx context.Context, got *fetched) {
	l.stall.fetching.Store(0)
	for l.gate.paused() {
		select {
		case <-l.capacity.available:
		case <-ctx.Done():
			l.release(l.admission.count(got.transactions))
			return
		}
	}
	l.accept(got.transactions, got.span, nil)
}
