package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/reexec"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
)

// serving is a worker process at its work.
type serving struct {
	manager *Manager
	parent  *reexec.Parent
	cancel  context.CancelCauseFunc // begins the shutdown
	force   func()                  // cuts it short
	begin   chan bool               // whether to run, once it is decided
	quota   *remoteQuota            // nil: nothing limits the loop
	seen    uint64                  // the number of the last transaction that was recorded and told of

	mu     sync.Mutex
	worker *worker // nil until it is made, which is before any control comes
}

// serve runs the one worker that this process was started for, and ends the process. It returns where this manager does not
// know the task: then another one does, whose Run comes later.
func (m *Manager) serve(ctx context.Context) {
	is, _ := InWorkerProcess()
	tasks := m.Tasks()
	i := slices.IndexFunc(tasks, func(t ergon.TaskConfig) bool { return t.Name == is.Task })
	if i < 0 {
		return
	}
	os.Exit(m.work(ctx, tasks[i])) //nolint:forbidigo // what follows Run in main is for the process that the user started
}

// work returns the exit code of the process.
func (m *Manager) work(ctx context.Context, cfg ergon.TaskConfig) int {
	parent, err := reexec.Take()
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // the process was started by hand
		return exitUsage
	}
	var first order
	if parent.Receive(&first) != nil {
		return exitFailed // the parent has died
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	forced := make(chan struct{})
	s := &serving{
		manager: m, parent: parent, cancel: cancel, force: sync.OnceFunc(func() { close(forced) }), begin: make(chan bool, 1),
	}
	if cfg.Consumer.Loop.Limit > 0 {
		s.quota = newRemoteQuota(first.Left, func(n int) { s.tell(report{Say: reportWanted, Wanted: n}) })
	}
	go s.obey()
	if own := m.settings.Force; own != nil {
		go func() {
			<-own
			s.force()
		}()
	}
	return s.live(ctx, cfg, first, forced)
}

// live runs the worker from its start to its end, and says what came of it last.
func (s *serving) live(ctx context.Context, cfg ergon.TaskConfig, first order, forced <-chan struct{}) int {
	settings := s.manager.settings
	settings.Force = forced
	stop := watchShutdown(ctx, forced)
	defer stop.end()
	cfg.Workers.Isolation = policy.IsolationGoroutine // the same shares, each in one process now
	t := newTaskRun(cfg, settings, stop, nil)
	w := t.workers[first.Index]
	w.quota, w.isolated = nil, true
	w.onSettle = func(o pipeline.Outcome, n int64) { s.tell(report{Say: reportSettled, Outcome: o, Count: n}) }
	if s.quota != nil {
		w.quota = s.quota
	}
	s.serveWorker(w)
	if first.Elapsed > 0 {
		w.began = time.Now().Add(-first.Elapsed)
	}
	beating := make(chan struct{})
	var beats sync.WaitGroup
	beats.Go(func() { s.beat(w, beating) })
	err := s.run(ctx, t, first)
	flush(ctx, settings, stop, workerFlush)
	close(beating)
	beats.Wait()
	s.tell(report{
		Say: reportEnded, Snapshot: w.snapshot(), Failures: failuresOf(err, context.Cause(ctx)), Recorded: s.recorded(),
	})
	return ExitCode(err)
}

// run starts the worker, says so, and runs it when it is told to.
func (s *serving) run(ctx context.Context, t *taskRun, first order) error {
	w := t.workers[first.Index]
	l, err := w.startLoop(ctx)
	if err != nil {
		return err
	}
	total := int64(-1)
	if first.Count {
		total = t.count(ctx, l)
	}
	s.tell(report{Say: reportStarted, Total: total, Once: l.task.Execute != nil || l.task.Process == nil})
	if run := <-s.begin; !run {
		return l.end(ctx, false)
	}
	return w.run(ctx, l)
}

// obey does what the supervisor says. When that has died there is nobody to say anything any more, and this process has to
// end as it did: at once, and with what it was doing left to be delivered again.
func (s *serving) obey() {
	for {
		var o order
		if s.parent.Receive(&o) != nil {
			os.Exit(exitFailed) //nolint:forbidigo // an orphan
		}
		switch o.Do {
		case orderRun:
			s.control(o.Control)
			s.begin <- true
		case orderDiscard:
			s.begin <- false
		case orderStop:
			s.cancel(errors.New(o.Cause))
		case orderForce:
			s.force()
		case orderControl:
			s.control(o.Control)
			s.tell(report{Say: reportApplied, Change: o.Change})
		case orderGrant:
			s.quota.answer(o.Granted, o.Left)
		case orderWatch:
			s.manager.settings.Recorder.Watch(o.Successes)
		}
	}
}

// beat says where w is, and whether its loop turns, until it is told to end.
func (s *serving) beat(w *worker, end <-chan struct{}) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.tell(report{Say: reportBeat, Snapshot: w.snapshot(), Stalled: w.stalled(), Recorded: s.recorded()})
		case <-end:
			return
		}
	}
}

// tell cannot fail in a way that obey does not see.
func (s *serving) tell(r report) { _ = s.parent.Send(r) }

// serveWorker is called when the worker is made.
func (s *serving) serveWorker(w *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worker = w
}

// control has the worker run so. It is in force when control has returned.
func (s *serving) control(c control) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.worker != nil {
		s.worker.change(func(control) control { return c })
	}
}

// maxRecorded is how many recorded transactions one report has.
const maxRecorded = 20

// recorded are the transactions that were since it was called the last time.
func (s *serving) recorded() []observe.Transaction {
	since := s.manager.settings.Recorder.Since(s.seen, maxRecorded)
	if n := len(since); n > 0 {
		s.seen = since[n-1].Seq
	}
	return since
}
