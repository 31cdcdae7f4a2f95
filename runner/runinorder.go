package runner

import (
	"context"

	"github.com/ergon-go/ergon"
)

// RunInOrder runs the named tasks one after the other, in the order in which they are named; where none is, all in the order
// of their registration. It is for steps of a job, of which each needs what those before it have done. Each runs as by
// [Manager.Run], of which everything else holds here as well. The first that does not come to its natural end is the last,
// and the summary has those that ran.
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

// inOrder returns the tasks of those names in their order.
func (m *Manager) inOrder(names []string) ([]ergon.TaskConfig, error) {
	chosen, err := m.chosen(names)
	if err != nil || len(names) == 0 {
		return chosen, err
	}
	var steps []ergon.TaskConfig
	for _, name := range names {
		for _, task := range chosen {
			if task.Name == name {
				steps = append(steps, task)
			}
		}
	}
	return steps, nil
}
