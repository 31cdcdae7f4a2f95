package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// taskWorker is one worker of a task: a worker in this process, or a supervisor with a process of its own. start comes first
// and, if it returned no error, then either run or discard. progress and control may be called at any time.
type taskWorker interface {
	// start opens everything. total is how many transactions the source of the first worker has; -1: unknown.
	start(ctx context.Context) (total int64, err error)
	// run runs the loop to its end, and closes everything.
	run(ctx context.Context) error
	// discard closes everything without running the loop.
	discard(ctx context.Context) error
	progress() WorkerProgress
	// control changes how the worker runs. wait waits until that is in force; if ctx ends first, its error says who has not
	// confirmed the change.
	control(change func(control) control) (wait func(context.Context) error)
}

var (
	_ taskWorker = (*worker)(nil)
	_ taskWorker = (*supervisor)(nil)
)

// taskRun is one task in a run.
type taskRun struct {
	cfg     ergon.TaskConfig
	workers []taskWorker
	total   atomic.Int64

	mu        sync.Mutex
	errs      []error // by worker
	busy      []bool  // workers in a call of start, run or discard
	abandoned []bool  // workers that were not waited for
}

// newTaskRun makes the workers, which share loop.limit. output is that of the worker processes.
func newTaskRun(cfg ergon.TaskConfig, s Settings, stop *shutdown, output *workerOutput) *taskRun {
	count := workerCount(cfg)
	var quota pipeline.Quota
	if limit := cfg.Consumer.Loop.Limit; limit > 0 {
		quota = pipeline.NewQuota(limit)
	}
	t := &taskRun{cfg: cfg, errs: make([]error, count), busy: make([]bool, count), abandoned: make([]bool, count)}
	t.total.Store(-1)
	for i := range count {
		if t.isolated() {
			w := newSupervisor(cfg, workerName(cfg, i), s, stop, output)
			w.index, w.quota = i, quota
			t.workers = append(t.workers, w)
			continue
		}
		w := newWorker(cfg, workerName(cfg, i), s, stop)
		w.index, w.count, w.quota, w.counts = i, count, quota, i == 0
		t.workers = append(t.workers, w)
	}
	return t
}

// workerCount is how many workers the task has: as configured, but not more than loop.limit, so that there is one transaction
// for each.
func workerCount(cfg ergon.TaskConfig) int {
	if limit := cfg.Consumer.Loop.Limit; limit > 0 {
		return int(min(int64(cfg.Workers.Count), limit))
	}
	return cfg.Workers.Count
}

func workerName(cfg ergon.TaskConfig, index int) string {
	return fmt.Sprintf("%s-%d", cfg.Name, index+1)
}

// isolated reports whether each worker has a process of its own.
func (t *taskRun) isolated() bool { return t.cfg.Workers.Isolation == policy.IsolationProcess }

// errAbandoned is a worker that hangs in foreign code when the time of the shutdown is over.
var errAbandoned = errors.New("it has not ended within the time of the shutdown, and the run does not wait for it any longer")

// begin returns the error that keeps the ith worker from doing anything more. nil: the worker counts as busy until done.
func (t *taskRun) begin(i int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy[i] = t.errs[i] == nil
	return t.errs[i]
}

// done notes the error of the ith worker, unless it was abandoned.
func (t *taskRun) done(i int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy[i] = false
	if !t.abandoned[i] {
		t.errs[i] = err
	}
}

// abandon stops waiting for the workers that are still busy, because of cause.
func (t *taskRun) abandon(cause error) {
	why := checkError(errors.Join(cause, errAbandoned))
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.workers {
		if t.busy[i] {
			t.errs[i], t.abandoned[i] = why, true
		}
	}
}

func (t *taskRun) start(ctx context.Context, i int) error {
	total, err := t.workers[i].start(ctx)
	if i == 0 {
		t.total.Store(total)
	}
	return err
}

func (t *taskRun) run(ctx context.Context, i int) error     { return t.workers[i].run(ctx) }
func (t *taskRun) discard(ctx context.Context, i int) error { return t.workers[i].discard(ctx) }

// control changes how all workers run, and waits until it is in force in all of them.
func (t *taskRun) control(ctx context.Context, change func(control) control) error {
	ctx, cancel := context.WithTimeoutCause(ctx, confirmTimeout, fmt.Errorf("%w (%s)", context.DeadlineExceeded, confirmTimeout))
	defer cancel()
	waits := make([]func(context.Context) error, len(t.workers))
	for i, w := range t.workers {
		waits[i] = w.control(change)
	}
	var missing []string
	for _, wait := range waits {
		if err := wait(ctx); err != nil {
			missing = append(missing, err.Error())
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("%w: task %q: no answer from %s: %w; the change comes into force there when the process continues or is replaced",
		ErrUnconfirmed, t.cfg.Name, strings.Join(missing, ", "), context.Cause(ctx))
}

// progress returns where each worker is.
func (t *taskRun) progress() []WorkerProgress {
	all := make([]WorkerProgress, len(t.workers))
	for i, w := range t.workers {
		all[i] = w.progress()
	}
	return all
}

// merged is the snapshot of all workers together.
func merged(each []WorkerProgress) Snapshot {
	var all Snapshot
	for _, w := range each {
		all = concurrent(all, w.Snapshot)
	}
	return all
}

// misconfigured returns the faults of the configuration, which all workers share; nil for none.
func (t *taskRun) misconfigured() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, err := range t.errs {
		if fault := faultOf(err); fault != nil {
			return fault
		}
	}
	return nil
}
