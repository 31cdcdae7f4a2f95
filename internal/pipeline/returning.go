package pipeline

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// returning asks a source that can count whether transactions come back that the loop has requeued: a finite loop that ended now would
// leave them failedFlights. Only the fetch loop's goroutine uses it.
type returning struct {
	source    capability.Counter // nil: it cannot count
	retry     policy.Retry
	hanging   *Hanging
	stall     *stallDetector
	stats     *loopStats
	unwritten *unwritten
	watcher   *watcher
}

// expected reports whether some come back. If the source does not say how many, none are waited for.
func (r *returning) expected(ctx context.Context) bool {
	if r.source == nil || r.stats.ended[Requeued].Load() == 0 {
		return false
	}
	r.stall.expectWithin(r.stall.fetch)
	n, err := ergon.RunFn(ctx, r.retry, r.count, ergon.SpanName(spans.Count))
	if err != nil {
		r.watcher.log.notCounted(err)
		r.stats.returning.Store(0)
		return false
	}
	r.stats.returning.Store(max(n, 0))
	if n == 0 {
		r.unwritten.clear() // other workers have done it
	}
	return n > r.unwritten.refused() // those that were refused would come back for ever
}

func (r *returning) count(ctx context.Context) (int64, error) {
	if err := r.hanging.enter(callCount); err != nil {
		return 0, err
	}
	defer r.hanging.leave(callCount)
	return r.source.CountTransactions(ctx)
}
