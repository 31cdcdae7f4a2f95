// Package session opens single connectors of a configuration, for commands that look into them or change what they hold.
package session

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/ergon-go/ergon/app/internal/capabilities"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/instrument"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/runner"
)

// Opener makes sessions.
type Opener struct {
	Out       *output.Printer
	Configs   *configuration.Loader
	Telemetry *instrument.Setup
}

// Session opens connectors of a configuration.
type Session struct {
	Registry *config.Registry
	Config   configuration.Config
	Settings runner.Settings
	Manager  *runner.Manager
}

// Run loads the configuration and calls do, with a context that a signal ends.
func (o *Opener) Run(ctx context.Context, do func(ctx context.Context, s *Session) error) error {
	c, err := o.Configs.Load()
	if err != nil {
		return err
	}
	ctx, force, stop := o.Out.Process.Signals(ctx)
	defer stop()
	observed, err := o.Telemetry.Start(ctx, instrument.LogsOnly(o.Telemetry.Config(c)), o.Out.Process.Stderr, nil)
	if err != nil {
		return err
	}
	settings := runner.Settings{Logger: observed.Logger, Force: force, Flush: o.Telemetry.Flush}
	manager, err := c.Manager(settings, 0)
	if err != nil {
		return err
	}
	return do(ctx, &Session{Registry: o.Configs.Registry, Config: c, Settings: settings, Manager: manager})
}

// With opens a connector as a worker does, calls use with it and closes it. A connector that is not a T is refused before anything is
// opened.
func With[T any](ctx context.Context, s *Session, at configuration.ConnectorRef, use func(context.Context, T) error) error {
	if _, err := Make[T](s, at); err != nil {
		return err
	}
	return s.Manager.UseConnectors(ctx, at.Task.Name, []string{at.Connector}, func(ctx context.Context, opened map[string]any) error {
		connector, ok := capability.As[T](opened[at.Connector])
		if !ok {
			return s.incapable(at, reflect.TypeFor[T]())
		}
		return use(ctx, connector)
	})
}

// Make creates a connector without opening it. The error says which capability it lacks, or why this process cannot use it.
func Make[T any](s *Session, at configuration.ConnectorRef) (T, error) {
	var none T
	made, err := at.Task.Connectors[at.Connector].New()
	if err != nil {
		return none, &runner.ConfigError{Task: at.Task.Name, Err: err}
	}
	connector, ok := capability.As[T](made)
	if !ok {
		return none, s.incapable(at, reflect.TypeFor[T]())
	}
	return connector, refuseLocal(at, made)
}

// refuseLocal refuses a connector that keeps its transactions in memory: a command is another process than the run.
func refuseLocal(at configuration.ConnectorRef, connector any) error {
	if _, local := capability.As[capability.ProcessLocal](connector); local {
		return &usage.Error{Err: fmt.Errorf("connector %s (%s) keeps its transactions in the memory of the process that runs its task; "+
			"another process cannot see or change them; use a queue in a file",
			at, at.Task.Connectors[at.Connector].Type)}
	}
	return nil
}

func (s *Session) incapable(at configuration.ConnectorRef, wanted reflect.Type) error {
	text := fmt.Sprintf("connector %s (%s) cannot %s", at, at.Task.Connectors[at.Connector].Type, capabilities.Verbs[wanted.Name()])
	return &usage.Error{Err: fmt.Errorf("%s; %s", text, s.TypesThatCan(wanted))}
}

// TypesThatCan lists the types of connectors with a capability.
func (s *Session) TypesThatCan(wanted reflect.Type) string {
	var names []string
	for _, t := range s.Registry.Connectors() {
		if slices.Contains(t.Capabilities(), wanted.Name()) {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return "no type of connector in this program can"
	}
	return "use a connector of type " + strings.Join(names, " or ")
}
