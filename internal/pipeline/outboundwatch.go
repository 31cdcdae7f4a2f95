package pipeline

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// outboundWatch is the loop's [outboundObserver].
type outboundWatch struct {
	stats      *loopStats
	watcher    *watcher
	stuckCheck *stuckCheck
	headroom   *headroom
}

var _ outboundObserver = (*outboundWatch)(nil)

// Started begins a span if the inbound transaction has one.
func (o *outboundWatch) Started(ctx context.Context, tx *ergon.Transaction) (context.Context, trace.Span) {
	return o.watcher.outboundStarted(ctx, tx)
}

// Ended records the metrics and ends the span.
func (o *outboundWatch) Ended(ctx context.Context, span trace.Span, tx ergon.Transaction, began instant, failed *ergon.TransactionError) {
	o.watcher.outboundEnded(ctx, span, tx, began, failed)
}

// ExceptionHandlerFailed logs it: the inbound transaction fails for the cause, not for this.
func (o *outboundWatch) ExceptionHandlerFailed(ctx context.Context, failed *ergon.TransactionError) {
	o.watcher.outboundHandlerFailed(ctx, failed)
}

// Attempted counts. Attempts of success and exception handlers are not in the statistics of a loop.
func (o *outboundWatch) Attempted(ctx context.Context, phase lifecycle.Phase, event lifecycle.Event, took instant) {
	s := o.stats.nextShard()
	if phase == lifecycle.Prepare {
		s.phases[phase].observe(took)
	}
	if event == lifecycle.Timeout {
		s.timeouts.Add(1)
	}
	o.watcher.outboundAttemptEnded(ctx, phase, event, s, took)
}

// Retried counts.
func (o *outboundWatch) Retried() { o.stats.shards[0].retries.Add(1) }

// GivenUp counts against the headroom, and warns if the handler has not returned after patience [T2].
func (o *outboundWatch) GivenUp(ctx context.Context, cameBack func() bool) {
	o.headroom.giveUp()
	o.stuckCheck.later(func() {
		if !cameBack() {
			o.watcher.outboundStuck(ctx, o.headroom.used())
		}
	})
}

// CameBack gives the headroom one back.
func (o *outboundWatch) CameBack(ctx context.Context, err error) {
	o.headroom.comeBack()
	o.stats.late.Add(1)
	o.watcher.outboundLate(ctx, err)
}
