package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// countTimeout bounds asking a source how much there is to do.
const countTimeout = 3 * time.Second

// taskRun is one task in a run.
type taskRun struct {
	cfg     ergon.TaskConfig
	workers []*worker
	alone   []*supervisor // of workers that have processes of their own; nil otherwise
	lives   []*life       // what the workers begin with; nil for one that did not start
	total   atomic.Int64

	mu   sync.Mutex
	errs []error // by worker
	busy []bool  // who is at something
	left []bool  // who was left behind at it
}

// newTaskRun has loop.limit hold over all workers: each takes of it what it fetches. A worker more than the limit has is not
// needed.
// Where workers have processes of their own, out is what those have in common.
func newTaskRun(cfg ergon.TaskConfig, s Settings, stop *shutdown, out *outputs) *taskRun {
	t := &taskRun{cfg: cfg}
	t.total.Store(-1)
	count, limit := int64(cfg.Workers.Count), cfg.Consumer.Loop.Limit
	if limit > 0 {
		count = min(count, limit)
	}
	var quota pipeline.Quota
	if limit > 0 {
		quota = pipeline.NewQuota(limit)
	}
	for i := range count {
		w := newWorker(cfg, fmt.Sprintf("%s-%d", cfg.Name, i+1), s, stop)
		w.index, w.count, w.quota = int(i), int(count), quota
		t.workers = append(t.workers, w)
	}
	if cfg.Workers.Isolation == policy.IsolationProcess {
		for i, w := range t.workers {
			t.alone = append(t.alone, newSupervisor(i, w, out))
		}
	}
	t.lives, t.errs, t.left = make([]*life, count), make([]error, count), make([]bool, count)
	t.busy = make([]bool, count)
	return t
}

// errLeft is a worker that hangs in code that is not ours, although the time of the shutdown is over.
var errLeft = errors.New("it has not ended within the time that a shutdown has, and is left behind")

// failure is what keeps the ith worker from anything more.
func (t *taskRun) failure(i int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy[i] = t.errs[i] == nil
	return t.errs[i]
}

// done notes what the ith worker came to, unless nobody has waited for it.
func (t *taskRun) done(i int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy[i] = false
	if !t.left[i] {
		t.errs[i] = err
	}
}

// leave leaves those workers behind that are at something still, because of cause.
func (t *taskRun) leave(cause error) {
	why := hear(errors.Join(cause, errLeft))
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.workers {
		if t.busy[i] {
			t.errs[i], t.left[i] = why, true
		}
	}
}

// start starts the ith worker.
func (t *taskRun) start(ctx context.Context, i int) error {
	if t.alone != nil {
		err := t.alone[i].start(ctx)
		if i == 0 && err == nil {
			t.total.Store(t.alone[i].total)
		}
		return err
	}
	l, err := t.workers[i].startLoop(ctx)
	t.lives[i] = l
	if err != nil {
		t.workers[i].enter(WorkerEnded)
	}
	if i == 0 && err == nil {
		t.total.Store(t.count(ctx, l))
	}
	return err
}

// run runs the ith worker, which has started.
func (t *taskRun) run(ctx context.Context, i int) error {
	if t.alone != nil {
		return t.alone[i].run(ctx)
	}
	return t.workers[i].run(ctx, t.lives[i])
}

// discard closes what the ith worker has opened, without running anything.
func (t *taskRun) discard(ctx context.Context, i int) error {
	if t.alone != nil {
		return t.alone[i].discard(ctx)
	}
	return t.lives[i].end(ctx, false)
}

// count asks the worker's source how much there is to do; -1: it cannot tell.
func (t *taskRun) count(ctx context.Context, l *life) int64 {
	w := l.worker
	if l.task.Process == nil {
		return -1 // there is no source
	}
	source := l.named(connector)[t.cfg.Consumer.Fetch.Connector]
	counter, ok := source.(ergon.Counter)
	if !ok || w.count > 1 && l.declared(t.cfg.Consumer.Fetch.Connector).Sharing == capability.SharingDivided {
		return -1 // it cannot, or it knows its own part only
	}
	ctx, cancel := context.WithTimeoutCause(w.scoped(ctx), countTimeout, fmt.Errorf("no answer within %s", countTimeout))
	defer cancel()
	var n int64
	err := call(ctx, lastMoment, func(ctx context.Context) error {
		counted, err := counter.CountTransactions(ctx)
		n = counted
		return err
	}, nil)
	if err != nil {
		w.logger.DebugContext(ctx, "the source does not say how many transactions there are", "error", err)
		return -1
	}
	if limit := t.cfg.Consumer.Loop.Limit; limit > 0 {
		n = min(n, limit)
	}
	return n
}

// each is where each worker is.
func (t *taskRun) each() []WorkerProgress {
	all := make([]WorkerProgress, len(t.workers))
	for i, w := range t.workers {
		if t.alone != nil {
			all[i] = t.alone[i].where()
		} else {
			all[i] = w.where()
		}
	}
	return all
}

// merged is the snapshot of all of them together.
func merged(each []WorkerProgress) Snapshot {
	var all Snapshot
	for _, w := range each {
		all = sum(all, w.Snapshot)
	}
	return all
}

// misconfigured reports the faults of the configuration, which all workers share.
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
