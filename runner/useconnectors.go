package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
)

// UseConnectors makes the named connectors of a task, opens them as a worker does, calls use with them by their names, and
// closes them. Neither services nor the task itself are made, and nothing is finished ([capability.Finisher]), because no
// loop has come to its end. It is for looking into a queue or a store of dead letters, and putting things into it, from
// outside of the task's loop, which may be running elsewhere.
//
// The error joins what use returned and what could not be closed. A *[UnknownTaskError], or a *[ConfigError] for a connector
// that the task does not have or that cannot be made, comes before anything is opened.
func (m *Manager) UseConnectors(
	ctx context.Context, task string, names []string, use func(ctx context.Context, connectors map[string]any) error,
) error {
	chosen, err := m.chosen([]string{task})
	if err != nil {
		return err
	}
	cfg, err := only(chosen[0], names)
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

// only is cfg with nothing but the named connectors.
func only(cfg ergon.TaskConfig, names []string) (ergon.TaskConfig, error) {
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
