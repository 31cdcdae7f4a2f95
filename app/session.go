package app

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/runner"
)

// sessions makes sessions.
type sessions struct {
	out       *printer
	configs   *loader
	telemetry *telemetrySetup
}

// session is what a command has that opens connectors.
type session struct {
	registry *config.Registry
	config   configuration
	settings runner.Settings
	manager  *runner.Manager
}

// run loads the configuration and calls do, with a context that a signal ends.
func (o *sessions) run(ctx context.Context, do func(ctx context.Context, s *session) error) error {
	c, err := o.configs.load()
	if err != nil {
		return err
	}
	ctx, force, stop := o.out.process.Signals(ctx)
	defer stop()
	observed, err := o.telemetry.start(ctx, logsOnly(o.telemetry.config(c)), o.out.process.Stderr, nil)
	if err != nil {
		return err
	}
	settings := runner.Settings{Logger: observed.Logger, Force: force, Flush: o.telemetry.flush}
	manager, err := c.manager(settings, 0)
	if err != nil {
		return err
	}
	return do(ctx, &session{registry: o.configs.registry, config: c, settings: settings, manager: manager})
}

// within opens a connector as a worker does, calls use with it and closes it. One that is no T is refused before anything
// is opened.
func within[T any](ctx context.Context, s *session, at place, use func(context.Context, T) error) error {
	if _, err := capable[T](s, at); err != nil {
		return err
	}
	return s.manager.UseConnectors(ctx, at.task.Name, []string{at.connector}, func(ctx context.Context, opened map[string]any) error {
		connector, ok := opened[at.connector].(T)
		if !ok {
			return s.incapable(at, reflect.TypeFor[T]())
		}
		return use(ctx, connector)
	})
}

// capable makes a connector, without opening it, and says what it lacks where it is no T, or what keeps this process from it.
func capable[T any](s *session, at place) (T, error) {
	var none T
	made, err := at.task.Connectors[at.connector].New()
	if err != nil {
		return none, &runner.ConfigError{Task: at.task.Name, Err: err}
	}
	connector, ok := made.(T)
	if !ok {
		return none, s.incapable(at, reflect.TypeFor[T]())
	}
	return connector, refuseLocal(at, made)
}

// refuseLocal keeps a command, which is a process of its own, from looking into what it cannot see, and from putting something
// where it would be gone with the command.
func refuseLocal(at place, connector any) error {
	if _, local := connector.(capability.ProcessLocal); local {
		return &usageError{err: fmt.Errorf("connector %s (%s) keeps what it holds in the memory of the process that runs its task: from here "+
			"nothing of it can be seen, and what is put there from here is lost; use a queue in a file",
			at, at.task.Connectors[at.connector].Type)}
	}
	return nil
}

func (s *session) incapable(at place, wanted reflect.Type) error {
	text := fmt.Sprintf("connector %s (%s) cannot %s", at, at.task.Connectors[at.connector].Type, words[wanted.Name()])
	return &usageError{err: fmt.Errorf("%s; %s", text, s.typesThatCan(wanted))}
}

// typesThatCan says which types of connectors have a capability.
func (s *session) typesThatCan(wanted reflect.Type) string {
	var names []string
	for _, t := range s.registry.Connectors() {
		if slices.Contains(t.Capabilities(), wanted.Name()) {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return "no type of connector in this program can"
	}
	return "what can: connectors of type " + strings.Join(names, ", ")
}
