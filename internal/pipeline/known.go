package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/spans"
)

// Known counts and tells what sinks knew already of what a task dispatched [I2]: a loop's, or that of a task's own flow.
type Known struct {
	task, worker string
	logger       *slog.Logger
	debug        bool
	values       context.Context //nolint:containedctx // of what is told: values, never a cancellation

	duplicates, conflicts, diverged knownAs
	attributes                      []metric.AddOption
}

// knownAs is one of the ways in which something is known.
type knownAs struct {
	n       atomic.Int64
	counter metric.Int64Counter // nil: off
}

// NewKnown is for what a task dispatches outside of its loops. Nothing of the settings but names and telemetry is needed.
func NewKnown(s Settings) (*Known, error) {
	s.produces = true
	logger, meters := s.Logger, s.MeterProvider
	if logger == nil {
		logger = slog.Default()
	}
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	return newKnown(s, logger, meters)
}

func newKnown(s Settings, logger *slog.Logger, meters metric.MeterProvider) (*Known, error) {
	k := &Known{
		task: s.Task, worker: s.Worker, logger: logger, debug: logger.Enabled(context.Background(), slog.LevelDebug),
		values: context.Background(),
	}
	if offMetrics(meters) {
		return k, nil
	}
	k.attributes = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(s.common()...))}
	meter, errs := meters.Meter(spans.InstrumentationName), [3]error{}
	k.duplicates.counter, errs[0] = counterOf(meter, spans.DispatchDuplicates)
	k.conflicts.counter, errs[1] = counterOf(meter, spans.DispatchConflicts)
	k.diverged.counter, errs[2] = counterOf(meter, spans.DispatchDiverged)
	if err := errors.Join(errs[:]...); err != nil {
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
			"Give what is not the same work an id of its own, or set on_conflict: error")
	case capability.Diverged:
		k.tell(tx, k.count(&k.diverged) == 1,
			"an output came out differently when its inbound transaction was processed again; both are stored",
			"Whoever reads them may see the work twice; make outputs depend on nothing but their inbound transaction")
	}
}

func (k *Known) count(as *knownAs) int64 {
	if as.counter != nil {
		as.counter.Add(k.values, 1, k.attributes...)
	}
	return as.n.Add(1)
}

// tell warns, with what to do about it, where that is wanted: of the first of a kind. Where there is one there are likely many,
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
