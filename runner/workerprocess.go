package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/reexec"
	"github.com/ergon-go/ergon/observe"
)

// WorkerProcess is a process that a [Manager] started for one worker, because of workers.isolation: process.
type WorkerProcess struct {
	// Task and Worker are the names of its task and of its worker.
	Task, Worker string
}

// InWorkerProcess returns true in a worker process, before [Manager.Run] begins in it, and false in a process that a user
// started. The code of main before Run is executed in each worker process as well. With InWorkerProcess, main can omit steps
// there, for instance listening on a port.
func InWorkerProcess() (WorkerProcess, bool) {
	task, worker, ok := strings.Cut(reexec.Role(), "/")
	return WorkerProcess{Task: task, Worker: worker}, ok
}

// role is the name by which a worker process finds its worker. Names of tasks and workers have no slash.
func (w WorkerProcess) role() string { return w.Task + "/" + w.Worker }

// maxRecorded is how many recorded transactions one report has.
const maxRecorded = 20

// workerServer is the worker's end of the protocol: it runs a worker in this process as its supervisor orders, and reports.
type workerServer struct {
	parent   *reexec.Parent
	worker   *worker
	recorder *observe.Recorder
	quota    *remoteQuota            // nil: no limit
	cancel   context.CancelCauseFunc // begins the shutdown
	force    func()                  // shortens it
	run      chan bool               // receives whether to run the loop
	seen     uint64                  // the number of the last recorded transaction that was reported
}

// serveWorker runs the worker that this process was started for, and ends the process. It returns if this manager does not
// know the task: the Run of another one comes later.
func (m *Manager) serveWorker(ctx context.Context) {
	is, _ := InWorkerProcess()
	tasks := m.Tasks()
	i := slices.IndexFunc(tasks, func(t ergon.TaskConfig) bool { return t.Name == is.Task })
	if i < 0 {
		return
	}
	parent, err := reexec.Take()
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // the process was started by hand
		os.Exit(exitUsage)           //nolint:forbidigo // what follows Run in main is for the process that the user started
	}
	os.Exit(serveWorker(ctx, tasks[i], m.settings, parent)) //nolint:forbidigo // as above
}

// serveWorker returns the exit code of the process.
func serveWorker(ctx context.Context, cfg ergon.TaskConfig, settings Settings, parent *reexec.Parent) int {
	var first order
	if parent.Receive(&first) != nil {
		return exitFailed // the parent has died
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	forced := make(chan struct{})
	s := &workerServer{
		parent: parent, recorder: settings.Recorder, cancel: cancel, force: sync.OnceFunc(func() { close(forced) }),
		run: make(chan bool, 1),
	}
	if own := settings.Force; own != nil {
		go func() {
			<-own
			s.force()
		}()
	}
	settings.Force = forced
	stop := watchShutdown(ctx, forced)
	defer stop.end()
	s.worker = s.newWorker(cfg, settings, stop, first)
	go s.handleOrders()
	stopHeartbeats := s.startHeartbeats()
	err := s.runWorker(ctx)
	flush(ctx, settings, stop, workerFlush)
	stopHeartbeats()
	s.send(report{
		Type: reportEnded, Snapshot: s.worker.snapshot(), Failures: failuresOf(err, context.Cause(ctx)), Recorded: s.recorded(),
	})
	return ExitCode(err)
}

func (s *workerServer) newWorker(cfg ergon.TaskConfig, settings Settings, stop *shutdown, first order) *worker {
	w := newWorker(cfg, workerName(cfg, first.Index), settings, stop)
	w.index, w.count, w.isolated, w.counts = first.Index, workerCount(cfg), true, first.Count
	w.onSettle = func(o pipeline.Outcome, n int64) { s.send(report{Type: reportSettled, Outcome: o, Count: n}) }
	if cfg.Consumer.Loop.Limit > 0 {
		s.quota = newRemoteQuota(first.Left, func(n int) { s.send(report{Type: reportWanted, Wanted: n}) })
		w.quota = s.quota
	}
	if first.Elapsed > 0 {
		w.timeout.began = time.Now().Add(-first.Elapsed)
	}
	return w
}

// runWorker starts the worker, reports that, and runs or discards it when the supervisor orders that.
func (s *workerServer) runWorker(ctx context.Context) error {
	total, err := s.worker.start(ctx)
	if err != nil {
		return err
	}
	s.send(report{Type: reportStarted, Total: total, Once: s.worker.first.unrepeatable()})
	if run := <-s.run; !run {
		return s.worker.discard(ctx)
	}
	return s.worker.run(ctx)
}

// handleOrders does what the supervisor orders. If the supervisor has died it ends the process at once: what was in progress is
// delivered again.
func (s *workerServer) handleOrders() {
	for {
		var o order
		if s.parent.Receive(&o) != nil {
			os.Exit(exitFailed) //nolint:forbidigo // an orphan
		}
		switch o.Type {
		case orderRun:
			s.control(o.Control)
			s.run <- true
		case orderDiscard:
			s.run <- false
		case orderStop:
			s.cancel(errors.New(o.Cause))
		case orderForce:
			s.force()
		case orderControl:
			s.control(o.Control)
			s.send(report{Type: reportApplied, Change: o.Change})
		case orderGrant:
			s.quota.granted(o.Granted, o.Left)
		case orderWatch:
			s.recorder.Watch(o.Successes)
		}
	}
}

// control is in force when it has returned.
func (s *workerServer) control(c control) { s.worker.control(func(control) control { return c }) }

// startHeartbeats sends heartbeats until stop is called; none is sent after stop has returned.
func (s *workerServer) startHeartbeats() (stop func()) {
	end := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		tick := time.NewTicker(heartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.send(report{
					Type: reportHeartbeat, Snapshot: s.worker.snapshot(), Stalled: s.worker.stalled(), Unhealthy: s.worker.unhealthy(),
					Recorded: s.recorded(),
				})
			case <-end:
				return
			}
		}
	})
	return func() {
		close(end)
		sender.Wait()
	}
}

// send sends a report. An error means that the supervisor has died, which handleOrders sees.
func (s *workerServer) send(r report) { _ = s.parent.Send(r) }

// recorded returns the transactions that were recorded since its last call.
func (s *workerServer) recorded() []observe.Transaction {
	since := s.recorder.Since(s.seen, maxRecorded)
	if n := len(since); n > 0 {
		s.seen = since[n-1].Seq
	}
	return since
}
