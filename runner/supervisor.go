package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/reexec"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/observe"
)

// supervisor is a worker of a task in a process of its own [E2]. It starts the process, receives its reports, passes a
// shutdown on, kills the process if its heartbeats stop, and replaces it if it died.
type supervisor struct {
	cfg      ergon.TaskConfig
	name     string         // of the worker
	index    int            // of the worker among those of its task, from 0
	quota    pipeline.Quota // what all workers of the task share of loop.limit; nil: no limit
	recorder *observe.Recorder
	shutdown *shutdown
	logger   *slog.Logger
	output   *workerOutput
	launch   func(reexec.Settings) (child, error)

	restarts restarts
	timeout  loopTimeout
	process  *process // the last one; start, run and discard follow each other
	controls processControls

	mu        sync.Mutex       // guards what follows
	state     WorkerProgress   // without the snapshot
	snapshots processSnapshots // of all processes
	taken     int64            // of the quota, by the last process
	once      bool             // no other process can continue the work
	total     int64            // transactions of the source, as the first process counted them; -1: unknown
}

func newSupervisor(cfg ergon.TaskConfig, name string, s Settings, stop *shutdown, output *workerOutput) *supervisor {
	return &supervisor{
		cfg: cfg, name: name, recorder: s.Recorder, shutdown: stop, logger: stop.logger(s), output: output, launch: launch,
		restarts: newRestarts(s.jitter, cfg.Workers.CrashLimit), timeout: loopTimeout{limit: cfg.Consumer.Loop.Timeout},
		state: WorkerProgress{Name: name, State: WorkerStarting}, total: -1,
	}
}

func launch(s reexec.Settings) (child, error) { return reexec.Start(s) }

// start starts the first process and waits until everything is open in it.
func (s *supervisor) start(ctx context.Context) (total int64, err error) {
	if s.process, err = s.startProcess(ctx); err != nil {
		s.enter(WorkerEnded, 0)
		return -1, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total, nil
}

// startProcess starts a process and waits until everything is open in it, or it has ended.
func (s *supervisor) startProcess(ctx context.Context) (*process, error) {
	o := order{
		Type: orderStart, Index: s.index, Count: s.index == 0 && !s.timeout.started(), Elapsed: s.timeout.elapsed(),
	}
	if s.quota != nil {
		o.Left = s.quota.Left()
	}
	role := WorkerProcess{Task: s.cfg.Name, Worker: s.name}
	started, err := s.launch(reexec.Settings{
		Role: role.role(), Env: s.output.env, Stdout: s.output.stdout.line, Stderr: s.output.stderr.named(s.name),
	})
	if err != nil {
		return nil, err
	}
	s.enter(WorkerStarting, started.PID())
	p := newProcess(started)
	p.send(o)
	monitor := processMonitor{
		heartbeat: s.cfg.Workers.Heartbeat, shutdown: s.cfg.Shutdown, forced: s.shutdown.forced.Done(),
		handle: func(r report) bool { return s.handle(ctx, p, r) }, stalled: s.stalled,
	}
	go func() {
		defer close(p.ended)
		monitor.follow(ctx, p)
		s.countUnreported(p)
	}()
	return p, s.awaitStart(ctx, p)
}

func (s *supervisor) awaitStart(ctx context.Context, p *process) error {
	select {
	case <-p.started:
		return nil
	case <-p.ended:
	}
	select {
	case <-p.started:
		return nil
	default:
	}
	if err := s.result(ctx, p); err != nil {
		return err
	}
	return errors.New("its process ended before Manager.Run had started the worker: main must not exit before Manager.Run, " +
		"and the task must be registered with the Manager; main can ask runner.InWorkerProcess whether it runs in a worker process")
}

// run runs the loop in the process, and in others that replace it.
func (s *supervisor) run(ctx context.Context) error {
	s.timeout.start()
	for {
		s.enter(WorkerRunning, s.process.PID())
		s.controls.run(s.process)
		<-s.process.ended
		err := s.result(ctx, s.process)
		again := ctx.Err() == nil && s.process.replaceable(err)
		if again && s.unrepeatable() {
			again, err = false, fmt.Errorf("%w; the task has no source that delivers its work again, so it needs a new run", err)
		}
		if !again {
			s.enter(WorkerEnded, 0)
			return err
		}
		if err := s.replace(ctx, err); err != nil {
			return err
		}
	}
}

// discard closes what the process has opened. Nothing runs.
func (s *supervisor) discard(ctx context.Context) error {
	s.process.send(order{Type: orderDiscard})
	<-s.process.ended
	s.enter(WorkerEnded, 0)
	return s.result(ctx, s.process)
}

// result is the error of p, which has ended. Failures that follow from the end of the run's context become its cause.
func (s *supervisor) result(ctx context.Context, p *process) error {
	if p.final == nil {
		return errors.Join(context.Cause(ctx), p.death)
	}
	var errs []error
	for _, f := range p.final.Failures {
		switch {
		case !f.Cut:
			errs = append(errs, f.error(s.cfg.Name))
		case ctx.Err() != nil:
			errs = append(errs, context.Cause(ctx))
		default:
			errs = append(errs, fmt.Errorf("its process was ended by another program: %w", f.error(s.cfg.Name)))
		}
	}
	return errors.Join(errs...)
}

// scoped returns a context whose log lines name task and worker.
func (s *supervisor) scoped(ctx context.Context) context.Context {
	return spans.WithScope(ctx, spans.Scope{Task: s.cfg.Name, Worker: s.name})
}

func (s *supervisor) enter(state WorkerState, pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.State, s.state.PID = state, pid
}

func (s *supervisor) unrepeatable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.once
}

// progress returns where the worker is. Its snapshot is merged over all processes, as of their last reports.
func (s *supervisor) progress() WorkerProgress {
	paused := s.controls.inForce().Paused // at once, although the snapshot may be older
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.state
	p.Snapshot = s.snapshots.merged()
	p.Snapshot.Paused = paused
	return p
}

// control changes how the worker runs, and sends that to its process. wait waits until it is in force.
func (s *supervisor) control(change func(control) control) (wait func(context.Context) error) {
	number := s.controls.change(change)
	return func(ctx context.Context) error {
		if p := s.controls.wait(ctx, number); p != nil {
			return fmt.Errorf("%s (process %d)", s.name, p.PID())
		}
		return nil
	}
}
