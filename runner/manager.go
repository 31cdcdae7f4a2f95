package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/suggest"
)

// Manager knows the tasks of a program and runs them. Its methods are safe for concurrent use.
type Manager struct {
	settings Settings

	mu      sync.Mutex
	tasks   []ergon.TaskConfig
	running bool
	run     *run // the current or last one; nil before the first
}

// NewManager returns a manager without tasks.
func NewManager(s Settings) *Manager { return &Manager{settings: s} }

// Register adds a task, or returns a *[ConfigError] with every fault of cfg. Nothing is made or opened yet.
func (m *Manager) Register(cfg ergon.TaskConfig) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := validate(cfg, m.tasks); err != nil {
		return &ConfigError{Task: cfg.Name, Err: err}
	}
	m.tasks = append(m.tasks, cfg)
	return nil
}

// Tasks returns the registered tasks in the order of their registration.
func (m *Manager) Tasks() []ergon.TaskConfig {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.tasks)
}

// Run runs the named tasks at the same time, or all tasks if names is empty, and returns when they have ended. When ctx ends,
// they shut down within the longest of their budgets, see the package comment. A Manager does one Run at a time.
//
// The summary is complete even after an error, except after an unknown name (*[UnknownTaskError]). The error is nil if all tasks
// came to their natural end. Otherwise it joins the errors of the tasks and, if the end of ctx interrupted a task, the cause of
// ctx: for instance a *[ConfigError], ergon.ErrLoopTimeout, [ErrHeadroom], [ErrUnsettled], a fetch that failed permanently, a
// component that could not be opened or closed. A task that fails does not stop the others. If the configuration of one task has
// faults, no task runs.
//
// With workers.isolation: process, the program is executed once more for each worker and reaches Run there as well. That process
// runs its worker in Run and then exits. The code of main after Run is not executed there, and deferred calls are not executed
// either. Settings.Flush is called. The code of main before Run is executed in each worker process, see [InWorkerProcess]. If the
// Manager does not know the task of the worker, Run returns an empty summary there. main must then reach the Manager that knows
// the task.
func (m *Manager) Run(ctx context.Context, names ...string) (Summary, error) {
	if _, worker := InWorkerProcess(); worker {
		m.serveWorker(ctx)
		return Summary{}, nil
	}
	tasks, err := m.selected(names)
	if err != nil {
		return Summary{}, err
	}
	stop := watchShutdown(ctx, m.settings.Force)
	defer stop.end()
	r := newRun(tasks, m.settings, stop)
	if err := m.begin(r); err != nil {
		return Summary{}, err
	}
	defer m.ended()
	summary, err := r.do(ctx)
	flush(ctx, m.settings, stop, stop.flushTime(tasks))
	return summary, err
}

func (m *Manager) begin(r *run) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running {
		return fmt.Errorf("%w: the manager is running already; wait for the end of its Run, or use another manager", ErrUsage)
	}
	m.running, m.run = true, r
	return nil
}

func (m *Manager) ended() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = false
}

// Progress returns the progress of each task of the current Run, or of the last one; nil before the first.
func (m *Manager) Progress() []TaskProgress {
	m.mu.Lock()
	r := m.run
	m.mu.Unlock()
	if r == nil {
		return nil
	}
	progress := make([]TaskProgress, len(r.tasks))
	for i, t := range r.tasks {
		each := t.progress()
		progress[i] = TaskProgress{
			Task: t.cfg.Name, Workers: len(t.workers), Each: each, Snapshot: merged(each), Total: t.total.Load(),
		}
	}
	return progress
}

// RunTask runs one task as [Manager.Run] does, for a program that needs no Manager.
func RunTask(ctx context.Context, cfg ergon.TaskConfig, s Settings) (Snapshot, error) {
	m := NewManager(s)
	if err := m.Register(cfg); err != nil {
		return Snapshot{}, err
	}
	summary, err := m.Run(ctx)
	if len(summary.Tasks) == 0 {
		return Snapshot{}, err
	}
	return summary.Tasks[0].Snapshot, err
}

// selected returns the named tasks in the order of their registration, or all tasks if names is empty.
func (m *Manager) selected(names []string) ([]ergon.TaskConfig, error) {
	tasks := m.Tasks()
	if len(tasks) == 0 && len(names) == 0 {
		return nil, fmt.Errorf("%w: no task is registered, so there is nothing to run", ErrUsage)
	}
	var unknown []error
	for _, name := range names {
		unknown = append(unknown, unknownTask(name, tasks))
	}
	if len(names) > 0 {
		tasks = slices.DeleteFunc(tasks, func(t ergon.TaskConfig) bool { return !slices.Contains(names, t.Name) })
	}
	return tasks, errors.Join(unknown...)
}

// unknownTask returns nil if one of tasks has that name.
func unknownTask(name string, tasks []ergon.TaskConfig) error {
	known := make([]string, len(tasks))
	for i := range tasks {
		known[i] = tasks[i].Name
	}
	if slices.Contains(known, name) {
		return nil
	}
	return &UnknownTaskError{Name: name, Suggestions: suggest.Names(name, known), Known: known}
}
