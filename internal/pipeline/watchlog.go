package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/sink"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// loopLog writes the log lines of a loop. It never waits: a goroutine of its queue calls the log handler [F1]. Its methods are safe for
// concurrent use after begin.
type loopLog struct {
	values       context.Context //nolint:containedctx // the scope of lines about no transaction; set by begin
	logger       *slog.Logger    // writes to a queue
	own          *sink.Log       // the queue, if the loop made it; nil: its maker flushes it
	debug        bool            // attempts and successes are logged
	task, worker string
	outageAfter  int
}

func newLoopLog(s *Settings) loopLog {
	logger := s.Logger
	if logger == nil {
		logger = slog.Default()
	}
	lines, shared := logger.Handler().(*sink.Log)
	var own *sink.Log
	if !shared {
		lines = sink.NewLog(ergon.LogHandler(logger.Handler()))
		own = lines
	}
	l := loopLog{
		values: context.Background(), logger: slog.New(lines), own: own, task: s.Task, worker: s.Worker,
		outageAfter: s.Policy.Loop.Outage.After,
	}
	l.debug = l.logger.Enabled(l.values, slog.LevelDebug)
	return l
}

// begin sets the scope of all lines, before the loop starts a goroutine.
func (l *loopLog) begin(values context.Context) { l.values = values }

// flush waits until the lines are written: up to maxFlush, and a second without progress.
func (l *loopLog) flush(force <-chan struct{}) {
	if l.own != nil {
		l.own.Flush(time.Second, maxFlush, force)
	}
}

func (l *loopLog) attemptEnded(e attemptEnd) {
	l.logger.DebugContext(e.ctx, "attempt ended", "result", e.event.String(), "took", time.Duration(e.took), "error", e.err)
}

// outcome is a warning for a failure and a debug line for everything else.
func (l *loopLog) outcome(e transactionEnd) {
	level := slog.LevelDebug
	attrs := make([]slog.Attr, 0, 5)
	attrs = append(attrs, slog.String("outcome", e.outcome.String()))
	if e.cause != nil && (e.outcome != Interrupted && e.outcome != Redelivered) {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("category", e.cause.Category.String()), slog.String("failed_phase", string(e.cause.Phase)),
			slog.Any("error", copyOf(e.cause)))
		if e.cause.Stack != nil {
			attrs = append(attrs, slog.String("stack", string(e.cause.Stack)))
		}
	}
	if l.logger.Enabled(l.values, level) {
		l.logger.LogAttrs(l.scoped(e.traced, e.tx.ID()), level, "transaction ended", attrs...)
	}
}

// scoped returns the context of lines about a transaction outside of its attempts. traced is nil if tracing is off.
func (l *loopLog) scoped(traced context.Context, id string) context.Context {
	if traced == nil {
		traced = l.values
	}
	return spans.WithScope(traced, spans.Scope{Task: l.task, Worker: l.worker, TransactionID: id})
}

// stuck is called if a handler still runs when patience has passed since its attempt was abandoned.
func (l *loopLog) stuck(ctx context.Context, n int64) {
	l.logger.WarnContext(ctx, "attempt given up, and its handler has not returned since; make it respect its context",
		"after", patience, "abandoned", n)
}

// late is a warning if the handler took longer than patience to return: then it does not respect its context.
func (l *loopLog) late(ctx context.Context, by time.Duration, err error) {
	level := slog.LevelDebug
	if by > patience {
		level = slog.LevelWarn
	}
	l.logger.Log(ctx, level, "attempt returned after it was given up; its result is discarded", "late_by", by, "error", err)
}

// leftOver describes the transactions of a batch that could not be settled or dead-lettered. They share one line, because a full disk
// fails the whole batch.
type leftOver struct {
	traced context.Context //nolint:containedctx // the first one's, for a call
	id     string
	count  int // 0: nothing is logged
	err    error
}

func (u failedFlights) summary() leftOver {
	if len(u.flights) == 0 {
		return leftOver{}
	}
	return leftOver{traced: u.flights[0].traced(), id: u.flights[0].tx.ID(), count: len(u.flights), err: u.err}
}

func (l *loopLog) notDeadLettered(left leftOver) {
	if left.count > 0 {
		l.logger.ErrorContext(l.scoped(left.traced, left.id),
			"dead letters could not be written; their transactions are requeued", "count", left.count, "error", left.err)
	}
}

func (l *loopLog) unsettled(left leftOver) {
	l.logger.ErrorContext(l.scoped(left.traced, left.id),
		"transactions could not be settled; they will be delivered again", "count", left.count, "error", left.err)
}

func (l *loopLog) sequenceStuck() {
	l.logger.WarnContext(l.values, "the loop has ended, and the sequence of its transactions has not returned since; "+
		"make it respect its context")
}

func (l *loopLog) stale(traced context.Context, id string) {
	l.logger.WarnContext(l.scoped(traced, id), "the source has taken the transaction back; it will be delivered again")
}

func (l *loopLog) notReleased(n int, err error) {
	l.logger.ErrorContext(l.values, "transactions that were fetched but not needed could not be requeued", "count", n, "error", err)
}

func (l *loopLog) notCounted(err error) {
	l.logger.WarnContext(l.values, "the source cannot say whether it holds back what was requeued; the loop ends without it",
		"error", err)
}

// leaseLost is not called by the flight's owner, so it gets no flight. ctx is nil if no attempt runs.
func (l *loopLog) leaseLost(ctx context.Context, id string) {
	if ctx == nil {
		ctx = l.scoped(nil, id) //nolint:staticcheck // nil means that tracing is off
	}
	l.logger.WarnContext(ctx, "lease lost; the handler is cancelled and its result discarded")
}

// settled is called only if debug is set.
func (l *loopLog) settled(traced context.Context, id string, o Outcome, action policy.SettleAction) {
	l.logger.DebugContext(l.scoped(traced, id), "transaction settled", "outcome", o.String(), "action", action.String())
}

// revoked is called when the source takes deliveries back: in good order, or because it has lost them.
func (l *loopLog) revoked(n int, lost bool) {
	if lost {
		l.logger.WarnContext(l.values, "the source has lost deliveries; their handlers are cancelled and their results discarded", "count", n)
		return
	}
	l.logger.InfoContext(l.values, "the source takes deliveries back; what runs may end, and what is not settled comes again", "count", n)
}

func (l *loopLog) notExtended(err error) {
	l.logger.WarnContext(l.values, "leases could not all be extended", "error", err)
}

func onlyStale(err error) bool {
	batch, partial := errors.AsType[*ergon.BatchError](err)
	if !partial {
		return false
	}
	for _, failure := range batch.Failures {
		if !errors.Is(failure, capability.ErrStaleDelivery) {
			return false
		}
	}
	return true
}

func (l *loopLog) empty(wait time.Duration) {
	if l.debug {
		l.logger.DebugContext(l.values, "nothing to fetch", "wait", wait)
	}
}

func (l *loopLog) demandFailed(err error) {
	l.logger.ErrorContext(l.values, "the source panicked when it was told how many transactions are wanted", "error", err)
}

func (l *loopLog) outageChanged(lasts bool) {
	if lasts {
		l.logger.WarnContext(l.values, "outage: too many transactions in a row failed; fetching one at a time until one succeeds",
			"after", l.outageAfter)
		return
	}
	l.logger.InfoContext(l.values, "outage over: a transaction succeeded")
}

// refusedOutputs corrects the outcome that was reported before the store refused the outputs.
func (l *loopLog) refusedOutputs(traced context.Context, id string, o Outcome, cause *ergon.TransactionError) {
	l.logger.LogAttrs(l.scoped(traced, id), slog.LevelWarn, "the store refused the outputs of the transaction; the transaction failed",
		slog.String("outcome", o.String()), slog.Any("error", copyOf(cause)))
}

// missing reports how many spans and measurements were dropped, or were left when flush ended.
func (l *loopLog) missing(untraced, unmeasured int64) {
	if untraced > 0 {
		l.logger.WarnContext(l.values, "spans are missing, because their processor did not take them in time", "count", untraced)
	}
	if unmeasured > 0 {
		l.logger.WarnContext(l.values, "measurements are missing, because the meter provider did not take them in time",
			"count", unmeasured)
	}
}
