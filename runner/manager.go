package runner

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/ergon-go/ergon"
)

// Manager knows the tasks of a program and runs them. Its methods are safe for concurrent use.
type Manager struct {
	settings Settings

	mu    sync.Mutex
	tasks []ergon.TaskConfig
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

// Run runs the named tasks, all where none is named, and blocks until they have ended.
func (m *Manager) Run(ctx context.Context, names ...string) (Summary, error) {
	if _, err := m.chosen(names); err != nil {
		return Summary{}, err
	}
	return Summary{}, errors.ErrUnsupported
}

// Progress returns where the tasks of the Run are that goes on, or went last.
func (m *Manager) Progress() []TaskProgress { return nil }

// ProcessTransaction runs one given transaction through a task.
func (m *Manager) ProcessTransaction(ctx context.Context, task string, tx ergon.Transaction) (Result, error) {
	return Result{}, errors.ErrUnsupported
}

// ProcessTransactionByID runs one transaction through a task that the task's source finds by its id.
func (m *Manager) ProcessTransactionByID(ctx context.Context, task, id string) (Result, error) {
	return Result{}, errors.ErrUnsupported
}

// RunTask runs one task as [Manager.Run] does, for a program that has no use for a Manager.
func RunTask(ctx context.Context, cfg ergon.TaskConfig, s Settings) (Snapshot, error) {
	return Snapshot{}, errors.ErrUnsupported
}

// chosen returns the named tasks in the order of their registration, all where none is named.
func (m *Manager) chosen(names []string) ([]ergon.TaskConfig, error) {
	tasks := m.Tasks()
	if len(names) == 0 {
		return tasks, nil
	}
	known := make([]string, len(tasks))
	for i := range tasks {
		known[i] = tasks[i].Name
	}
	var unknown []error
	for _, name := range names {
		if !slices.Contains(known, name) {
			unknown = append(unknown, &UnknownTaskError{Name: name, Suggestions: nearest(name, known), Known: known})
		}
	}
	tasks = slices.DeleteFunc(tasks, func(t ergon.TaskConfig) bool { return !slices.Contains(names, t.Name) })
	return tasks, errors.Join(unknown...)
}
