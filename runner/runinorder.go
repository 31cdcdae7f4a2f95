package runner

import (
	"context"

	"github.com/ergon-go/ergon"
)

// RunInOrder runs the named tasks one after the other, in the order of names, or all tasks in the order of their registration if
// names is empty. It is for the steps of a job in which each step needs the results of the steps before it. Each task runs as by
// [Manager.Run], and the documentation of Manager.Run applies here as well. If a task does not come to its natural end, the later
// tasks do not run. The summary has the tasks that ran.
func (m *Manager) RunInOrder(ctx context.Context, names ...string) (Summary, error) {
	if _, worker := InWorkerProcess(); worker {
		m.serveWorker(ctx)
		return Summary{}, nil
	}
	steps, err := m.inOrder(names)
	if err != nil {
		return Summary{}, err
	}
	stop := watchShutdown(ctx, m.settings.Force)
	defer stop.end()
	defer func() { flush(ctx, m.settings, stop, stop.flushTime(steps)) }()
	var all Summary
	for _, step := range steps {
		r := newRun([]ergon.TaskConfig{step}, m.settings, stop)
		if err := m.begin(r); err != nil {
			return all, err
		}
		summary, err := r.do(ctx)
		m.ended()
		all.Tasks = append(all.Tasks, summary.Tasks...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// inOrder returns the named tasks in the order of names.
func (m *Manager) inOrder(names []string) ([]ergon.TaskConfig, error) {
	selected, err := m.selected(names)
	if err != nil || len(names) == 0 {
		return selected, err
	}
	var steps []ergon.TaskConfig
	for _, name := range names {
		for _, task := range selected {
			if task.Name == name {
				steps = append(steps, task)
			}
		}
	}
	return steps, nil
}
