package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
)

// UseConnectors makes and opens the named connectors of a task as a worker does, calls use with them by their names, and closes
// them. It makes neither services nor the task. Finish ([capability.Finisher]) is not called, because no loop has ended. It is
// for code outside of the task's loop that reads or changes a queue or a dead-letter store. The loop may run in another process.
//
// The error joins the error of use and the errors of closing. It is an *[UnknownTaskError], or a *[ConfigError] for a connector
// that the task does not have or that cannot be made; then nothing was opened.
func (m *Manager) UseConnectors(
	ctx context.Context, task string, names []string, use func(ctx context.Context, connectors map[string]any) error,
) error {
	selected, err := m.selected([]string{task})
	if err != nil {
		return err
	}
	cfg, err := withConnectors(selected[0], names)
	if err != nil {
		return err
	}
	stop := watchShutdown(ctx, m.settings.Force)
	defer stop.end()
	w := newWorker(cfg, cfg.Name+"-connectors", m.settings, stop)
	ctx = w.scoped(ctx)
	r := &workerRun{worker: w}
	if err = r.open(ctx); err != nil {
		w.logCrash(ctx, err)
		err = causeOf(ctx, err)
	} else {
		err = use(ctx, r.named(connector))
	}
	return errors.Join(err, r.close(ctx, false))
}

// withConnectors is cfg with the named connectors alone.
func withConnectors(cfg ergon.TaskConfig, names []string) (ergon.TaskConfig, error) {
	all := cfg.Connectors
	cfg.Connectors, cfg.Services = map[string]ergon.Component{}, nil
	var faults []error
	for _, name := range names {
		c, ok := all[name]
		if !ok {
			faults = append(faults, fmt.Errorf("connector %q is not configured", name))
		}
		cfg.Connectors[name] = c
	}
	if err := errors.Join(faults...); err != nil {
		return cfg, &ConfigError{Task: cfg.Name, Err: err}
	}
	return cfg, nil
}
