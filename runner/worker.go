package runner

import (
	"context"
	"errors"
	"fmt"
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

// worker runs one loop of a task, anew where that is called for. It shares nothing with other workers but the limit.
type worker struct {
	cfg      ergon.TaskConfig
	name     string
	index    int  // which of the task's workers it is, from 0
	count    int  // how many there are; 0: it only opens connectors
	isolated bool // it has a process of its own, which is this one
	settings Settings
	shutdown *shutdown
	tracer   trace.Tracer
	logger   *slog.Logger // what the worker itself has to say; it never waits
	handed   *slog.Logger // what tasks and components log with, as long as the handler takes
	restarts restarts
	began    time.Time                     // when the first loop did
	onSettle func(pipeline.Outcome, int64) // hears of outcomes before their source does; nil: nobody
	quota    pipeline.Quota                // what all workers of the task share of loop.limit; nil: there is none

	mu    sync.Mutex
	past  Snapshot        // of the lives before the last
	known *pipeline.Known // of what the task dispatched outside of its loops; nil: it has not run
	loops []begunLoop     // of the last life
	state WorkerState
	again int // how often it began anew

	controls control
	hanging  pipeline.Hanging // of all lives: what hangs outlives them
}

func newWorker(cfg ergon.TaskConfig, name string, s Settings, stop *shutdown) *worker {
	w := &worker{cfg: cfg, name: name, settings: s, shutdown: stop, state: WorkerStarting, restarts: newRestarts(s.jitter)}
	w.handed = s.logger()
	w.logger = slog.New(stop.logTo(w.handed.Handler()))
	tracers := s.TracerProvider
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	w.tracer = tracers.Tracer(spans.InstrumentationName)
	return w
}

// scoped returns a context whose log lines name task and worker.
func (w *worker) scoped(ctx context.Context) context.Context {
	return spans.WithScope(ctx, spans.Scope{Task: w.cfg.Name, Worker: w.name})
}

// fault makes a *ConfigError of what is wrong with how the task is configured. What crashed or hung is no such thing.
func (w *worker) fault(err error) error {
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

// startLoop starts a life that can run a loop.
func (w *worker) startLoop(ctx context.Context) (*life, error) {
	return w.start(ctx, (*life).check)
}

// run runs the loop of l, and of further lives where what a streaming task fetches from or settles with fails [L6].
func (w *worker) run(ctx context.Context, l *life) error {
	for {
		w.enter(WorkerRunning)
		err := w.live(ctx, l)
		_, fetch := errors.AsType[*pipeline.FetchError](err)
		broken := fetch || errors.Is(err, pipeline.ErrUnsettled)
		if !broken || !w.cfg.Consumer.Loop.Streaming || l.task.Execute != nil || ctx.Err() != nil {
			w.enter(WorkerEnded)
			return err
		}
		if l, err = w.revive(ctx, err); err != nil {
			return err
		}
	}
}

// live runs one life to its end.
func (w *worker) live(ctx context.Context, l *life) error {
	err := w.runLoop(ctx, l)
	return errors.Join(err, l.end(ctx, err == nil && !l.limitReached()))
}

func (w *worker) runLoop(ctx context.Context, l *life) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	known, err := pipeline.NewKnown(l.settings(w.cfg.Consumer))
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.past = over(w.snapshotLocked())
	w.known, w.loops = known, nil
	w.mu.Unlock()
	l.ran = true
	err = l.execute(capability.WithDispatchReport(w.scoped(ctx), known.Hear))
	known.Flush(w.settings.Force)
	return err
}

// loop runs a loop of the life that goes on.
func (w *worker) loop(ctx context.Context, loop looping) error {
	w.mu.Lock()
	w.loops = append(w.loops, begunLoop{loop, time.Now()})
	if w.controls != (control{}) {
		w.controls.apply(loop)
	}
	w.mu.Unlock()
	return hear(loop.Run(ctx))
}

// remaining is the policy with what is left of its timeout, which holds for all lives together.
func (w *worker) remaining() (policy.Consumer, error) {
	p := w.cfg.Consumer
	now := time.Now()
	if w.began.IsZero() {
		w.began = now
	}
	if p.Loop.Timeout > 0 {
		p.Loop.Timeout -= now.Sub(w.began)
		if p.Loop.Timeout <= 0 {
			return p, fmt.Errorf("%w of %s", ergon.ErrLoopTimeout, w.cfg.Consumer.Loop.Timeout)
		}
	}
	return p, nil
}

// snapshot is merged over all lives.
func (w *worker) snapshot() Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.snapshotLocked()
}

func (w *worker) snapshotLocked() Snapshot {
	s := following(w.past, w.lastLocked())
	if w.known != nil {
		outside := w.known.Snapshot()
		s.Duplicates, s.Conflicts, s.Diverged = s.Duplicates+outside.Duplicates, s.Conflicts+outside.Conflicts, s.Diverged+outside.Diverged
	}
	return s
}

// stalled names what of the loop stands still.
func (w *worker) stalled() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, loop := range w.loops {
		if what := loop.Stalled(); what != "" {
			return what
		}
	}
	return ""
}

// enter notes what the worker does from now on.
func (w *worker) enter(state WorkerState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == WorkerRestarting && state == WorkerRunning {
		w.again++
	}
	w.state = state
}

// where is where the worker is.
func (w *worker) where() WorkerProgress {
	p := WorkerProgress{Name: w.name, Stalled: w.stalled(), Snapshot: w.snapshot()}
	w.mu.Lock()
	defer w.mu.Unlock()
	p.State, p.Restarts = w.state, w.again
	return p
}

// last is the snapshot of the last life alone.
func (w *worker) last() Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lastLocked()
}

func (w *worker) lastLocked() Snapshot {
	var merged Snapshot
	var took time.Duration
	for _, loop := range w.loops {
		s := loop.Snapshot()
		took = max(took, loop.at.Sub(w.loops[0].at)+s.Elapsed)
		merged = sum(merged, s)
	}
	merged.Elapsed = took
	return merged
}
