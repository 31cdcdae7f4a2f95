// Package check finds the faults of a task without opening or running anything.
package check

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/panics"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/placement"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// ErrUnchecked is the error of a task that cannot be created before its connectors and services are open. It is not a fault.
var ErrUnchecked = errors.New("handlers were not checked: the task cannot be created before its connectors and services are open")

// Task creates a task, its connectors and its services without opening them, and returns all faults.
func Task(cfg ergon.TaskConfig) error {
	if err := runner.NewManager(runner.Settings{}).Register(cfg); err != nil {
		return err
	}
	connectors, connectorFaults := makeAll(cfg.Connectors)
	services, serviceFaults := makeAll(cfg.Services)
	if err := errors.Join(connectorFaults, serviceFaults); err != nil {
		return err // it names the place
	}
	if err := checkPlacement(cfg, connectors, services); err != nil {
		return &runner.ConfigError{Task: cfg.Name, Err: err}
	}
	d := ergon.NewDependencies(connectors, services, slog.New(slog.DiscardHandler))
	d.DispatchThrough(dispatchers(connectors))
	task, err := makeTask(cfg, d)
	if err == nil {
		err = errors.Join(d.Err(), checkLoop(cfg, task, connectors))
	}
	if err != nil {
		return &runner.ConfigError{Task: cfg.Name, Err: err}
	}
	return nil
}

// checkPlacement checks whether the components fit the way in which workers run [E2].
func checkPlacement(cfg ergon.TaskConfig, connectors, services map[string]any) error {
	components := slices.Concat(
		placement.Named("connector", connectors, func(name string) string { return cfg.Connectors[name].Type }, cfg.Consumer.Fetch.Connector),
		placement.Named("service", services, func(name string) string { return cfg.Services[name].Type }, ""),
	)
	return placement.Check(placement.Of(cfg), components)
}

func makeAll(components map[string]ergon.Component) (map[string]any, error) {
	made := map[string]any{}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(components)) {
		one, err := components[name].New()
		if err != nil {
			faults = append(faults, err)
		}
		made[name] = one
	}
	return made, errors.Join(faults...)
}

// dispatchers are the connectors that can dispatch as they are configured.
func dispatchers(connectors map[string]any) map[string]ergon.Dispatcher {
	able := map[string]ergon.Dispatcher{}
	for name, connector := range connectors {
		if to, ok := capability.As[ergon.Dispatcher](connector); ok {
			able[name] = to
		}
	}
	return able
}

// makeTask calls the constructor of a task with connectors and services that are not open. It may panic for that reason.
func makeTask(cfg ergon.TaskConfig, d *ergon.Dependencies) (task ergon.Task, err error) {
	defer func() {
		if crash := recover(); crash != nil {
			err = fmt.Errorf("%w (%w)", ErrUnchecked, panics.Of("the constructor", crash, nil))
		}
	}()
	return cfg.New(d), nil
}

// checkLoop checks whether the connectors can do what the policies require [C2].
func checkLoop(cfg ergon.TaskConfig, task ergon.Task, connectors map[string]any) error {
	source, _ := capability.As[ergon.Fetcher](connectors[cfg.Consumer.Fetch.Connector])
	var dead ergon.Dispatcher
	if name := cfg.Consumer.Loop.DeadLetter; name != policy.DeadLetterSource {
		dead, _ = capability.As[ergon.Dispatcher](connectors[name])
	}
	s := pipeline.Settings{
		Handlers: task, Source: source, DeadLetters: dead, Policy: cfg.Consumer, Producer: cfg.Producer, Shutdown: cfg.Shutdown,
	}
	switch {
	case task.Execute != nil:
		return task.Validate()
	case task.Process == nil && task.Prepare != nil:
		return s.ValidateProducer()
	default:
		return s.Validate()
	}
}
