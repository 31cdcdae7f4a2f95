package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
)

// run is one call of Manager.Run.
type run struct {
	settings Settings
	shutdown *shutdown
	tasks    []*taskRun
}

func newRun(tasks []ergon.TaskConfig, s Settings, stop *shutdown) *run {
	r := &run{settings: s, shutdown: stop}
	output := newWorkerOutput(s, tasks)
	for _, cfg := range tasks {
		r.tasks = append(r.tasks, newTaskRun(cfg, s, stop, output))
	}
	return r
}

// do starts all workers of all tasks, then runs them. If the configuration of a task has faults, none runs.
func (r *run) do(ctx context.Context) (Summary, error) {
	r.each(ctx, (*taskRun).start)
	var faults []error
	for _, t := range r.tasks {
		faults = append(faults, t.misconfigured())
	}
	if errors.Join(faults...) != nil {
		r.each(ctx, (*taskRun).discard)
	} else {
		r.each(ctx, (*taskRun).run)
	}
	return r.finish(ctx)
}

// each calls do for all workers that have not failed, at once, and waits for them. After the bound of a shutdown it stops
// waiting for those that hang [F4].
func (r *run) each(ctx context.Context, do func(*taskRun, context.Context, int) error) {
	var all sync.WaitGroup
	for _, t := range r.tasks {
		for i := range t.workers {
			if t.begin(i) == nil {
				all.Go(func() { t.done(i, checkError(recovered(func() error { return do(t, ctx, i) }))) })
			}
		}
	}
	ended := make(chan struct{})
	go func() {
		all.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return
	case <-r.shutdown.overdue(ctx, r.tasks, ended):
	}
	for _, t := range r.tasks {
		t.abandon(context.Cause(ctx))
	}
}

// finish joins the errors of all tasks. The cause of ctx is among them once.
func (r *run) finish(ctx context.Context) (Summary, error) {
	var (
		summary     Summary
		all         []error
		interrupted bool
		cause       = context.Cause(ctx)
	)
	for _, t := range r.tasks {
		cut, errs := t.result(cause)
		each := t.progress()
		s := TaskSummary{Name: t.cfg.Name, Snapshot: merged(each), Each: each, Err: errors.Join(errs...)}
		if cut {
			s.Err = errors.Join(append([]error{cause}, errs...)...)
			interrupted = true
		}
		summary.Tasks = append(summary.Tasks, s)
		all = append(all, errs...)
	}
	if interrupted {
		all = append([]error{cause}, all...)
	}
	return summary, errors.Join(all...)
}

// result returns the errors of a task's workers without cause, the end of the run's context, and whether that interrupted any
// worker.
func (t *taskRun) result(cause error) (interrupted bool, errs []error) {
	if fault := t.misconfigured(); fault != nil {
		errs = append(errs, fault)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, err := range t.errs {
		for _, part := range splitJoined(err) {
			if faultOf(part) != nil {
				continue // returned already, once for all workers
			}
			if part == cause { //nolint:errorlint // itself, not what wraps it
				interrupted = true
				continue
			}
			if len(t.workers) > 1 {
				part = fmt.Errorf("worker %q: %w", workerName(t.cfg, i), part)
			} else {
				part = fmt.Errorf("task %q: %w", t.cfg.Name, part)
			}
			errs = append(errs, part)
		}
	}
	return interrupted, errs
}

// recovered returns a panic of do as an error: a method of a foreign error may panic wherever it is called.
func recovered(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &crash{cause: panicked(p), stack: debug.Stack()}
		}
	}()
	return do()
}

// splitJoined splits joined errors. It does not split an error that wraps several in a message of its own, or whose methods
// panic.
func splitJoined(err error) (all []error) {
	if err == nil {
		return nil
	}
	defer func() {
		if recover() != nil {
			all = []error{err}
		}
	}()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		all = append(all, splitJoined(e)...)
	}
	return all
}

// flush flushes telemetry, within limit, after everything else. An error is logged: a run whose telemetry cannot be delivered
// has not failed.
func flush(ctx context.Context, s Settings, stop *shutdown, limit time.Duration) {
	if s.Flush == nil {
		return
	}
	log := stop.logger(s)
	ctx, cancel := stop.withDeadline(ctx, time.Now().Add(limit))
	defer cancel()
	stop.flushLog(minFlushTime, limit/2, ctx.Done()) // telemetry may export log lines
	if err := call(ctx, returnTime, s.Flush, nil); err != nil {
		log.ErrorContext(ctx, "telemetry could not be flushed; the last of it is missing", "error", err)
	}
}

// faultOf returns the fault of the configuration in err; nil for none.
func faultOf(err error) (fault *ConfigError) {
	defer func() { _ = recover() }()
	fault, _ = errors.AsType[*ConfigError](err)
	return fault
}
