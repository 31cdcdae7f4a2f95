package pipeline

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/spans"
)

// known counts what sinks knew already of what was dispatched [I2].
type known struct {
	duplicates, conflicts, diverged atomic.Int64
}

// dispatchKnown is told by the sinks of the task, while they are called, unless a handler listens itself. It is the listener of
// the whole loop, so that a transaction costs nothing.
func (c *Consumer) dispatchKnown(tx ergon.Transaction, result capability.DispatchResult) {
	switch k := &c.stats.known; result {
	case capability.Duplicate:
		k.duplicates.Add(1)
		c.watcher.duplicate(tx)
	case capability.Conflict:
		c.watcher.conflict(tx, k.conflicts.Add(1) == 1)
	case capability.Diverged:
		c.watcher.diverged(tx, k.diverged.Add(1) == 1)
	}
}

func (w *watcher) duplicate(tx ergon.Transaction) {
	if w.debug {
		w.logger.DebugContext(w.scopedTo(tx), "dispatched what the sink knew already, with the same content")
	}
	if w.metrics != nil {
		w.count(w.metrics.duplicates)
	}
}

// conflict warns of the first only: where there is one there are likely many, and the summary counts them.
func (w *watcher) conflict(tx ergon.Transaction, first bool) {
	const message = "dispatched a transaction whose id the sink knows with other content; the first one stands, and this one was not stored"
	switch {
	case first:
		w.logger.WarnContext(w.scopedTo(tx), message+". Further ones are counted, and logged at debug level. "+
			"Give what is not the same work an id of its own, or set on_conflict: error")
	case w.debug:
		w.logger.DebugContext(w.scopedTo(tx), message)
	}
	if w.metrics != nil {
		w.count(w.metrics.conflicts)
	}
}

// diverged warns of the first only.
func (w *watcher) diverged(tx ergon.Transaction, first bool) {
	const message = "an output came out differently when its inbound transaction was processed again; both are stored"
	switch {
	case first:
		w.logger.WarnContext(w.scopedTo(tx), message+". Further ones are counted, and logged at debug level. "+
			"Whoever reads them may see the work twice; make outputs depend on nothing but their inbound transaction")
	case w.debug:
		w.logger.DebugContext(w.scopedTo(tx), message)
	}
	if w.metrics != nil {
		w.count(w.metrics.diverged)
	}
}

func (w *watcher) count(counter metric.Int64Counter) {
	counter.Add(w.consumer.values, 1, w.metrics.base...)
}

// scopedTo is a context whose log lines name a transaction that was dispatched.
func (w *watcher) scopedTo(tx ergon.Transaction) context.Context {
	s := &w.consumer.settings
	return spans.WithScope(w.consumer.values, spans.Scope{Task: s.Task, Worker: s.Worker, TransactionID: tx.ID()})
}
