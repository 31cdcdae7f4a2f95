package runner

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/ask"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// worker runs the loop of a task in this process, one worker run after the other: a streaming worker whose source fails is
// restarted [L6]. Workers share nothing but the quota.
type worker struct {
	cfg      ergon.TaskConfig
	name     string
	index    int  // of the worker among those of its task, from 0
	count    int  // how many there are; 0: it only opens connectors
	isolated bool // this process is the worker's own
	counts   bool // start asks the source how many transactions it has
	settings Settings
	shutdown *shutdown
	tracer   trace.Tracer
	logger   *slog.Logger                  // of the worker itself; it never waits for the handler
	handed   *slog.Logger                  // of tasks and components; it waits as long as the handler takes
	onSettle func(pipeline.Outcome, int64) // is called with outcomes before the source is; nil: nothing is
	quota    pipeline.Quota                // what all workers of the task share of loop.limit; nil: no limit

	first    *workerRun // what start opened
	restarts restarts
	timeout  loopTimeout

	mu        sync.Mutex // guards what follows
	state     WorkerState
	restarted int             // how often
	previous  Snapshot        // of the runs before the last
	known     *pipeline.Known // counts what the task dispatched outside of its loops; nil: no loop has begun
	loops     []startedLoop   // of the last run
	health    *health         // of the run whose loop runs; nil: none does
	controls  control

	hanging pipeline.Hanging // of all runs: calls that hang outlive their run
}

func newWorker(cfg ergon.TaskConfig, name string, s Settings, stop *shutdown) *worker {
	tracers := s.TracerProvider
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	return &worker{
		cfg: cfg, name: name, settings: s, shutdown: stop, tracer: tracers.Tracer(spans.InstrumentationName),
		logger: stop.logger(s), handed: s.logger(), state: WorkerStarting,
		restarts: newRestarts(s.jitter, maxRunsWithoutResult), timeout: loopTimeout{limit: cfg.Consumer.Loop.Timeout},
	}
}

// scoped returns a context whose log lines name task and worker.
func (w *worker) scoped(ctx context.Context) context.Context {
	return spans.WithScope(ctx, spans.Scope{Task: w.cfg.Name, Worker: w.name})
}

// configError makes a *ConfigError of a fault in the configuration of the task. A crash or a call that hung is not one.
func (w *worker) configError(err error) error {
	_, crashed := errors.AsType[*crash](err)
	if _, silent := errors.AsType[*ask.UnansweredError](err); crashed || silent || errors.Is(err, errGivenUp) {
		return err
	}
	return &ConfigError{Task: w.cfg.Name, Err: err}
}

func (w *worker) logCrash(ctx context.Context, err error) {
	if c, ok := errors.AsType[*crash](err); ok {
		w.logger.ErrorContext(w.scoped(ctx), "panic outside of the loop", "error", err, "stack", string(c.stack))
	}
	if f, ok := errors.AsType[*ask.UnansweredError](err); ok && f.Stack != nil {
		w.logger.ErrorContext(w.scoped(ctx), "panic outside of the loop", "error", err, "stack", string(f.Stack))
	}
}

// start opens the first run of the worker.
func (w *worker) start(ctx context.Context) (total int64, err error) {
	if w.first, err = w.newLoopRun(ctx); err != nil {
		w.enter(WorkerEnded)
		return -1, err
	}
	if !w.counts {
		return -1, nil
	}
	return w.first.countTransactions(ctx), nil
}

// discard closes what start opened.
func (w *worker) discard(ctx context.Context) error { return w.first.close(ctx, false) }

// newLoopRun opens a run that can run a loop.
func (w *worker) newLoopRun(ctx context.Context) (*workerRun, error) {
	return w.newRun(ctx, (*workerRun).validate)
}

// run runs the loop of the first run, and those of further runs if the source of a streaming task fails [L6].
func (w *worker) run(ctx context.Context) error {
	for r := w.first; ; {
		w.enter(WorkerRunning)
		err := w.runOnce(ctx, r)
		_, fetch := errors.AsType[*pipeline.FetchError](err)
		broken := fetch || errors.Is(err, pipeline.ErrUnsettled)
		if !broken || !w.cfg.Consumer.Loop.Streaming || r.task.Execute != nil || ctx.Err() != nil {
			w.enter(WorkerEnded)
			return err
		}
		if r, err = w.restart(ctx, err); err != nil {
			return err
		}
	}
}

// runOnce runs the loop of r and closes r.
func (w *worker) runOnce(ctx context.Context, r *workerRun) error {
	err := w.runLoop(ctx, r)
	return errors.Join(err, r.close(ctx, err == nil && !r.limitReached()))
}

func (w *worker) runLoop(ctx context.Context, r *workerRun) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	known, err := pipeline.NewKnown(r.settings(w.cfg.Consumer))
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.previous = finished(w.snapshotLocked())
	w.known, w.loops = known, nil
	w.health = startHealth(w.scoped(ctx), r.components, w.logger)
	w.mu.Unlock()
	defer w.stopHealth()
	r.ran = true
	err = r.execute(capability.WithDispatchReport(w.scoped(ctx), known.Hear))
	known.Flush(w.settings.Force)
	return err
}

// loop runs a loop of the last run.
func (w *worker) loop(ctx context.Context, l loop) error {
	w.mu.Lock()
	w.loops = append(w.loops, startedLoop{l, time.Now()})
	if w.controls != (control{}) {
		w.controls.apply(l)
	}
	w.mu.Unlock()
	return checkError(l.Run(ctx))
}

// consumerPolicy returns the policy of the task's loop, with what is left of its timeout.
func (w *worker) consumerPolicy() (policy.Consumer, error) {
	p := w.cfg.Consumer
	var err error
	p.Loop.Timeout, err = w.timeout.left()
	return p, err
}

// enter notes what the worker does from now on.
func (w *worker) enter(state WorkerState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == WorkerRestarting && state == WorkerRunning {
		w.restarted++
	}
	w.state = state
}

func (w *worker) progress() WorkerProgress {
	p := WorkerProgress{Name: w.name, Stalled: w.stalled(), Snapshot: w.snapshot()}
	w.mu.Lock()
	defer w.mu.Unlock()
	p.State, p.Restarts, p.Unhealthy = w.state, w.restarted, w.health.unhealthy()
	return p
}

// unhealthy returns the components that cannot be used at the moment.
func (w *worker) unhealthy() []Unhealthy {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.health.unhealthy()
}

func (w *worker) stopHealth() {
	w.mu.Lock()
	h := w.health
	w.health = nil
	w.mu.Unlock()
	h.stop()
}

// stalled names the part of the loop that is stuck; "" for none.
func (w *worker) stalled() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.loops {
		if what := l.Stalled(); what != "" {
			return what
		}
	}
	return ""
}

// snapshot is merged over all runs.
func (w *worker) snapshot() Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.snapshotLocked()
}

func (w *worker) snapshotLocked() Snapshot {
	s := consecutive(w.previous, w.lastRunLocked())
	if w.known != nil {
		outside := w.known.Snapshot()
		s.Duplicates, s.Conflicts, s.Diverged = s.Duplicates+outside.Duplicates, s.Conflicts+outside.Conflicts, s.Diverged+outside.Diverged
	}
	return s
}

// lastRun is the snapshot of the last run alone.
func (w *worker) lastRun() Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lastRunLocked()
}

func (w *worker) lastRunLocked() Snapshot {
	var merged Snapshot
	var elapsed time.Duration
	for _, l := range w.loops {
		s := l.Snapshot()
		elapsed = max(elapsed, l.at.Sub(w.loops[0].at)+s.Elapsed)
		merged = concurrent(merged, s)
	}
	merged.Elapsed = elapsed
	return merged
}
