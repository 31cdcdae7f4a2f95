package runner

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon/internal/pipeline"
)

// control is how operators want a worker to run. It outlasts restarts.
type control struct {
	Paused bool `json:"paused,omitempty"`
	// Concurrency is how many transactions run at once; 0: as configured.
	Concurrency int `json:"concurrency,omitempty"`
}

// Pause stops fetching in all workers of a task until [Manager.Resume]. Fetched transactions are still processed and settled.
// A paused task does not come to its natural end. When Pause has returned nil, the pause is in force: Pause waits until each
// worker process has confirmed it, for at most 5 s and no longer than ctx. The error is an *[UnknownTaskError], or wraps
// [ErrUsage] if the task is not running, or [ErrUnconfirmed] if a process has not confirmed.
func (m *Manager) Pause(ctx context.Context, task string) error {
	return m.control(ctx, task, func(c control) control { c.Paused = true; return c })
}

// Resume ends a pause. It waits as [Manager.Pause] does, and returns the same errors.
func (m *Manager) Resume(ctx context.Context, task string) error {
	return m.control(ctx, task, func(c control) control { c.Paused = false; return c })
}

// SetConcurrency sets how many transactions each worker of a task runs at once, until the run ends. Transactions that already
// run are not interrupted. It waits as [Manager.Pause] does, and returns the same errors. The error also wraps [ErrUsage] for a
// number below 1 or above 1,000,000, and for an adaptive concurrency.
func (m *Manager) SetConcurrency(ctx context.Context, task string, n int) error {
	t, err := m.taskRun(task)
	if err != nil {
		return err
	}
	limits := t.cfg.Consumer.Loop.Concurrency
	if t.cfg.Kind() == "producer" {
		limits = t.cfg.Producer.Loop.Concurrency
	}
	if err := pipeline.CheckConcurrency(limits, n); err != nil {
		return fmt.Errorf("%w: task %q: %w", ErrUsage, task, err)
	}
	return m.control(ctx, task, func(c control) control { c.Concurrency = n; return c })
}

func (m *Manager) control(ctx context.Context, task string, change func(control) control) error {
	t, err := m.taskRun(task)
	if err != nil {
		return err
	}
	return t.control(ctx, change)
}

// taskRun returns a task of the current run.
func (m *Manager) taskRun(task string) (*taskRun, error) {
	if err := unknownTask(task, m.Tasks()); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running {
		for _, t := range m.run.tasks {
			if t.cfg.Name == task {
				return t, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: task %q is not running", ErrUsage, task)
}

// control changes how the worker runs, now and after restarts. It is in force when control has returned.
func (w *worker) control(change func(control) control) (wait func(context.Context) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.controls = change(w.controls)
	for _, l := range w.loops {
		w.controls.apply(l)
	}
	return func(context.Context) error { return nil }
}

// apply cannot fail, because the values were checked. An adaptive loop of a task's own Execute keeps its concurrency.
func (c control) apply(l loop) {
	if c.Paused {
		l.Pause()
	} else {
		l.Resume()
	}
	if c.Concurrency > 0 {
		_ = l.SetConcurrency(c.Concurrency)
	}
}
