package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	out := newOutputs(s, workerProcesses(tasks))
	for _, cfg := range tasks {
		r.tasks = append(r.tasks, newTaskRun(cfg, s, stop, out))
	}
	return r
}

// do starts all workers of all tasks, then runs them. Where a task turns out to be configured wrongly, none runs.
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
	return r.conclude(ctx)
}

// each calls do for every worker at once that nothing is wrong with, and waits for all. After the bound of a shutdown it leaves
// those behind that hang [F4].
func (r *run) each(ctx context.Context, do func(*taskRun, context.Context, int) error) {
	var all sync.WaitGroup
	for _, t := range r.tasks {
		for i := range t.workers {
			if t.failure(i) == nil {
				all.Go(func() { t.done(i, hear(guarded(func() error { return do(t, ctx, i) }))) })
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
		t.leave(context.Cause(ctx))
	}
}

// conclude joins the errors of all tasks. What ended them all is said once.
func (r *run) conclude(ctx context.Context) (Summary, error) {
	var (
		summary     Summary
		all         []error
		interrupted bool
		cause       = context.Cause(ctx)
	)
	for _, t := range r.tasks {
		cut, errs := t.result(cause)
		each := t.each()
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

// result returns what went wrong in a task's workers, and apart from that whether any was cut short by cause, the end of
// the run's context.
func (t *taskRun) result(cause error) (cut bool, errs []error) {
	if fault := t.misconfigured(); fault != nil {
		errs = append(errs, fault)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, err := range t.errs {
		for _, part := range parts(err) {
			if faultOf(part) != nil {
				continue // said already, for all workers
			}
			if part == cause { //nolint:errorlint // itself, not what wraps it
				cut = true
				continue
			}
			if len(t.workers) > 1 {
				part = fmt.Errorf("worker %q: %w", t.workers[i].name, part)
			} else {
				part = fmt.Errorf("task %q: %w", t.cfg.Name, part)
			}
			errs = append(errs, part)
		}
	}
	return cut, errs
}

// guarded makes an error of a panic of do: methods of errors that are not ours may panic wherever somebody looks into one.
func guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &crash{cause: panicked(p), stack: debug.Stack()}
		}
	}()
	return do()
}

// parts takes joined errors apart, but not what wraps several in words of its own, and not one whose methods panic.
func parts(err error) (all []error) {
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
		all = append(all, parts(e)...)
	}
	return all
}

// flush is the last thing that is done. A run whose telemetry cannot be delivered has not failed: it is logged.
// most is how long it may take.
func flush(ctx context.Context, s Settings, stop *shutdown, most time.Duration) {
	if s.Flush == nil {
		return
	}
	log := slog.New(stop.logTo(s.logger().Handler()))
	ctx, cancel := stop.bounded(ctx, time.Now().Add(most))
	defer cancel()
	stop.flushLog(leastFlushing, most/2, ctx.Done()) // whose lines may be exported
	if err := call(ctx, lastMoment, s.Flush, nil); err != nil {
		log.ErrorContext(ctx, "telemetry could not be flushed; the last of it is missing", "error", err)
	}
}

// faultOf finds a fault of the configuration in err; nil for none.
func faultOf(err error) (fault *ConfigError) {
	defer func() { _ = recover() }()
	fault, _ = errors.AsType[*ConfigError](err)
	return fault
}
