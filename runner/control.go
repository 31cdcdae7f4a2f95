package runner

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon/internal/pipeline"
)

// control is what somebody has said since the start about how a worker is to run. It outlasts restarts.
type control struct {
	Paused bool `json:"paused,omitempty"`
	// Concurrency is how many run at once; 0: as configured.
	Concurrency int `json:"concurrency,omitempty"`
}

// Pause has all workers of a task fetch nothing more until [Manager.Resume]; what they have fetched is finished. A paused
// task does not come to its natural end. The pause is in force when Pause has returned nil: where workers are processes, it
// waits until each has confirmed, for 5 s at most and no longer than ctx. The error is an *[UnknownTaskError], or wraps
// [ErrUsage] where the task does not run, or [ErrUnconfirmed] where a process has not confirmed.
func (m *Manager) Pause(ctx context.Context, task string) error {
	return m.control(ctx, task, func(c control) control { c.Paused = true; return c })
}

// Resume ends a pause. It waits, and its errors are, as those of [Manager.Pause].
func (m *Manager) Resume(ctx context.Context, task string) error {
	return m.control(ctx, task, func(c control) control { c.Paused = false; return c })
}

// SetConcurrency changes how many transactions each worker of a task runs at once, until the run ends; what runs above a
// lowered number ends as it would. It waits as [Manager.Pause] does. Besides those of [Manager.Pause] there is an error that
// wraps [ErrUsage] for a number below 1 or above 1,000,000, and for a concurrency that adapts by itself.
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

// taskRun finds a task of the run that goes on.
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
	return nil, fmt.Errorf("%w: task %q does not run at the moment", ErrUsage, task)
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

// apply cannot fail: what is set was checked. A loop of a task's own flow that adapts keeps its concurrency.
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
