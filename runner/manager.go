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
	run     *run // the last one; nil before the first
}

// NewManager makes a manager without tasks.
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

// Run runs the named tasks side by side, all where none is named, and blocks until they have ended. When ctx ends they
// shut down, which takes at most the longest of their budgets, see the package's comment.
//
// The summary is complete whatever happened, once a name is not unknown (*[UnknownTaskError]). The error is nil where all
// came to their natural end. Otherwise it joins, each once: the cause of ctx where it cut something short, and what any
// task failed with, among that *[ConfigError], ergon.ErrLoopTimeout, [ErrHeadroom], [ErrUnsettled], a fetch that failed
// for good and what could not be opened or closed. A task that fails does not stop the others; one that is configured
// wrongly keeps all from running. A Manager does one Run at a time.
//
// Where workers are processes of their own (workers.isolation: process), the program is executed once more for each, and
// comes to Run there as well: that process runs its worker in it and ends, so that what follows Run in main, deferred calls
// included, is not done there. Settings.Flush is. A Run of a Manager that does not know the worker's task returns an empty
// summary there, so that main gets on to the one that does. What main does before Run is done in each of them, see
// [InWorkerProcess].
func (m *Manager) Run(ctx context.Context, names ...string) (Summary, error) {
	if _, worker := InWorkerProcess(); worker {
		m.serveWorker(ctx)
		return Summary{}, nil
	}
	tasks, err := m.chosen(names)
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
		return fmt.Errorf("%w: the manager is running already; wait for the end, or use a manager of its own", ErrUsage)
	}
	m.running, m.run = true, r
	return nil
}

func (m *Manager) ended() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = false
}

// Progress returns where the tasks are of the Run that is going on, or was the last; none before the first.
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

// RunTask runs one task as [Manager.Run] does, for a program that has no use for a Manager.
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

// chosen returns the named tasks in the order of their registration, all where none is named.
func (m *Manager) chosen(names []string) ([]ergon.TaskConfig, error) {
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

// unknownTask returns nil where one of tasks has that name.
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
