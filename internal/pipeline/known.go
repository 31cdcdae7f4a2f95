package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/spans"
)

// Known counts and logs which dispatched transactions a sink knew already [I2], for a loop or for a task's own flow.
type Known struct {
	task, worker string
	logger       *slog.Logger
	debug        bool
	values       context.Context //nolint:containedctx // of log lines: values, never a cancellation

	meter                           *meter // nil: off
	duplicates, conflicts, diverged knownAs
}

// knownAs counts one result of a dispatch.
type knownAs struct {
	n       atomic.Int64 // of this loop; the counter may be shared
	counter *counter     // nil: off
}

// NewKnown is for what a task dispatches outside of its loops. It uses names and telemetry of the settings, nothing else.
func NewKnown(s Settings) (*Known, error) {
	s.produces = true
	logger, meters := s.Logger, s.MeterProvider
	if logger == nil {
		logger = slog.Default()
	}
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	if offMetrics(meters) {
		return newKnown(s, logger, nil)
	}
	return askFor("the meter provider", func() (*Known, error) { return newKnown(s, logger, newMeter(meters)) })
}

// Flush waits until the meter provider has the counts: no longer than it takes some, and no longer than until force is closed.
func (k *Known) Flush(force <-chan struct{}) {
	if k.meter == nil {
		return
	}
	k.meter.end(func() {})
	k.meter.queue.Flush(time.Second, maxFlush, force)
}

// newKnown counts by a meter; nil: there are no metrics.
func newKnown(s Settings, logger *slog.Logger, by *meter) (*Known, error) {
	k := &Known{
		task: s.Task, worker: s.Worker, logger: logger, debug: logger.Enabled(context.Background(), slog.LevelDebug),
		values: context.Background(), meter: by,
	}
	if by == nil {
		return k, nil
	}
	k.duplicates.counter = by.counter(spans.DispatchDuplicates, s.sourceAttributes()...)
	k.conflicts.counter = by.counter(spans.DispatchConflicts, s.sourceAttributes()...)
	k.diverged.counter = by.counter(spans.DispatchDiverged, s.sourceAttributes()...)
	if err := by.err(); err != nil {
		return nil, fmt.Errorf("make the metrics of task %q: %w", s.Task, err)
	}
	return k, nil
}

// Snapshot returns the counts and nothing else. Safe for concurrent use.
func (k *Known) Snapshot() Snapshot {
	return Snapshot{Duplicates: k.duplicates.n.Load(), Conflicts: k.conflicts.n.Load(), Diverged: k.diverged.n.Load()}
}

// Hear is the listener of all that is dispatched below a context, unless a handler listens itself
// ([capability.WithDispatchReport]). There is one for everything, so that a transaction costs nothing. Safe for concurrent use.
func (k *Known) Hear(tx ergon.Transaction, result capability.DispatchResult) {
	switch result {
	case capability.Duplicate:
		k.count(&k.duplicates)
		k.tell(tx, false, "dispatched what the sink knew already, with the same content", "")
	case capability.Conflict:
		k.tell(tx, k.count(&k.conflicts) == 1,
			"dispatched a transaction whose id the sink knows with other content; the first one stands, and this one was not stored",
			"Give different work different ids, or set on_conflict: error")
	case capability.Diverged:
		k.tell(tx, k.count(&k.diverged) == 1,
			"an output came out differently when its inbound transaction was processed again; both are stored",
			"Whoever reads them may see the work twice; make outputs depend on nothing but their inbound transaction")
	}
}

func (k *Known) count(as *knownAs) int64 {
	if as.counter != nil {
		as.counter.add(1)
	}
	return as.n.Add(1)
}

// tell logs a result at debug level, or as a warning that says what to do. Only the first of a kind is a warning: there are likely many,
// and the summary counts them.
func (k *Known) tell(tx ergon.Transaction, warn bool, message, cure string) {
	if !warn && !k.debug {
		return
	}
	ctx := spans.WithScope(k.values, spans.Scope{Task: k.task, Worker: k.worker, TransactionID: tx.ID()})
	level := slog.LevelDebug
	if warn {
		level, message = slog.LevelWarn, message+". Further ones are counted, and logged at debug level. "+cure
	}
	k.logger.Log(ctx, level, message) //nolint:sloglint // it is one of Hear's, which are constants
}
