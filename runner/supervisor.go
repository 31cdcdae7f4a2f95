package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/reexec"
)

// supervisor runs one worker of a task in a process of its own [E2]: it starts it, hears where it is, passes a shutdown
// on, kills it where it gives no sign of life, and has another take its place where it has died.
type supervisor struct {
	*worker

	index   int
	out     *outputs
	process *process // the last one; start, run and discard follow each other

	lock     sync.Mutex
	current  *process                   // that is told of changes; the last one that was told to run its loop
	changes  uint64                     // of how the worker is to run, since the start
	progress WorkerProgress             // but for the snapshot
	earlier  Snapshot                   // of the processes before the last
	latest   Snapshot                   // of the last, as far as it has said
	taken    int64                      // of loop.limit, by the last
	settled  map[pipeline.Outcome]int64 // what the last one said that its transactions came to, of which its snapshots may not know
	once     bool                       // no other process can go on with what the worker does
	total    int64                      // transactions that there are to do, as the first worker has counted them
}

func newSupervisor(index int, w *worker, out *outputs) *supervisor {
	s := &supervisor{worker: w, index: index, out: out, total: -1}
	s.restarts.limit = w.cfg.Workers.CrashLimit
	s.progress = WorkerProgress{Name: w.name, State: WorkerStarting}
	return s
}

// start starts the first process and waits until everything is open in it.
func (s *supervisor) start(ctx context.Context) error {
	var err error
	if s.process, err = s.launch(ctx); err == nil {
		err = s.await(ctx, s.process)
	}
	if err != nil {
		s.enter(WorkerEnded, 0)
	}
	return err
}

// await waits until everything is open in p, or p has ended.
func (s *supervisor) await(ctx context.Context, p *process) error {
	select {
	case <-p.started:
		return nil
	case <-p.over:
	}
	select {
	case <-p.started:
		return nil
	default:
	}
	if err := s.outcome(ctx, p); err != nil {
		return err
	}
	return errors.New("its process ended before it came to run the worker: what main does before Manager.Run must not end it, " +
		"and the Manager must know the task; runner.InWorkerProcess tells main what it runs in")
}

// run has the process run the loop, and further ones that take its place.
func (s *supervisor) run(ctx context.Context) error {
	s.began = time.Now()
	for {
		s.enter(WorkerRunning, s.process.PID())
		s.runLoop(s.process)
		<-s.process.over
		err := s.outcome(ctx, s.process)
		again := ctx.Err() == nil && s.process.replaceable(err)
		if again && s.once {
			err = fmt.Errorf("%w; what the task does without a source begins anew with a new run only", err)
		}
		if !again || s.once {
			s.enter(WorkerEnded, 0)
			return err
		}
		if err := s.replace(ctx, err); err != nil {
			return err
		}
	}
}

// discard has the process close what it has opened, without running anything.
func (s *supervisor) discard(ctx context.Context) error {
	s.process.tell(order{Do: orderDiscard})
	<-s.process.over
	s.enter(WorkerEnded, 0)
	return s.outcome(ctx, s.process)
}

// outcome is what p has ended with. What ended the run takes the place of what the process took for it.
func (s *supervisor) outcome(ctx context.Context, p *process) error {
	if p.lastWord == nil {
		return errors.Join(context.Cause(ctx), p.death)
	}
	var errs []error
	for _, f := range p.lastWord.Failures {
		switch {
		case !f.Cut:
			errs = append(errs, f.error(s.cfg.Name))
		case ctx.Err() != nil:
			errs = append(errs, context.Cause(ctx))
		default:
			errs = append(errs, fmt.Errorf("its process was told to end by another than this one: %w", f.error(s.cfg.Name)))
		}
	}
	return errors.Join(errs...)
}

// launch starts a process.
func (s *supervisor) launch(ctx context.Context) (*process, error) {
	role := WorkerProcess{Task: s.cfg.Name, Worker: s.name}
	started, err := reexec.Start(reexec.Settings{
		Role: role.role(), Env: s.out.env, Stdout: s.out.stdout.line, Stderr: s.out.stderr.named(s.name),
	})
	if err != nil {
		return nil, err
	}
	s.enter(WorkerStarting, started.PID())
	o := order{Do: orderStart, Index: s.index, Count: s.index == 0 && s.began.IsZero()}
	if !s.began.IsZero() {
		o.Elapsed = time.Since(s.began)
	}
	if s.quota != nil {
		o.Left = s.quota.Left()
	}
	p := &process{child: started, started: make(chan struct{}), over: make(chan struct{})}
	p.tell(o)
	go s.oversee(ctx, p)
	return p, nil
}

func (s *supervisor) enter(state WorkerState, pid int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.progress.State, s.progress.PID = state, pid
}

// snapshot is merged over all processes of the worker, as far as they have said.
func (s *supervisor) snapshot() Snapshot {
	s.lock.Lock()
	defer s.lock.Unlock()
	return following(s.earlier, s.latest)
}

func (s *supervisor) where() WorkerProgress {
	p := func() WorkerProgress {
		s.lock.Lock()
		defer s.lock.Unlock()
		return s.progress
	}()
	p.Snapshot = s.snapshot()
	p.Snapshot.Paused = s.inForce().Paused // at once, although its snapshot may be from before
	return p
}
