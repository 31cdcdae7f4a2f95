// Package run is the command run.
package run

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/check"
	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/instrument"
	"github.com/ergon-go/ergon/app/internal/operate"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/progress"
	"github.com/ergon-go/ergon/app/internal/summary"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/runner"
)

// Command are the command run.
type Command struct {
	Out       *output.Printer
	Configs   *configuration.Loader
	Telemetry *instrument.Setup
	Epilogue  func() string // text after the summary; nil for none
}

// Cobra is the command.
func (r *Command) Cobra() *cobra.Command {
	var of runOptions
	c := &cobra.Command{
		Use: "run [task...]", Short: "Run tasks until their sources are empty, or until they are stopped", GroupID: command.GroupRun,
		Long: "Run tasks until their sources are empty, or until they are stopped. Without arguments: all tasks.\n" +
			"Tasks run at the same time. With --in-order they run one after the other, in the order of the arguments or, without\n" +
			"arguments, of the configuration.\n\n" +
			"SIGINT (Ctrl-C), SIGTERM and SIGHUP stop in order: transactions in flight are finished. A second SIGINT or SIGTERM shortens that.",
		ValidArgsFunction: r.Configs.CompleteTasks,
		RunE: func(c *cobra.Command, names []string) error {
			if c.Flags().Changed("limit") && of.limit < 1 {
				return usage.Errorf("--limit is %d, must be at least 1; leave it out to use the limits of the configuration", of.limit)
			}
			return r.runTasks(c.Context(), names, of)
		},
	}
	c.Flags().StringVar(&of.console, command.ConsoleFlag, "",
		"serve the console at `host:port` if the configuration has no address (ops.listen)")
	c.Flags().BoolVar(&of.inOrder, "in-order", false, "run one task after the other")
	c.Flags().Int64Var(&of.limit, "limit", 0, "process at most `N` transactions of each task")
	return c
}

// runOptions are the flags.
type runOptions struct {
	console string
	inOrder bool
	limit   int64 // 0: the limits of the configuration
}

func (r *Command) runTasks(ctx context.Context, names []string, of runOptions) error {
	c, err := r.Configs.Load()
	if err != nil {
		return err
	}
	ctx, force, stop := r.Out.Process.Signals(ctx)
	defer stop()
	line := &progress.LiveLine{Terminal: r.Out.Process.Stderr}
	observed, err := r.Telemetry.Start(ctx, r.Telemetry.Config(c), line, c.Names(names))
	if err != nil {
		return err
	}
	defer observed.End(ctx)
	settings := observed.RunnerSettings(force)
	at := operate.Endpoint{Out: r.Out, Registry: r.Configs.Registry, Version: r.Telemetry.Version, Config: c, Console: of.console}
	settings.Output, settings.Recorder = line, at.Recorder() // of worker processes too
	manager, err := c.Manager(settings, of.limit)
	if err != nil {
		return err
	}
	run := manager.Run
	if of.inOrder {
		if err := checkSteps(manager, names); err != nil {
			return err
		}
		run = manager.RunInOrder
	}
	unserved, err := at.Serve(ctx, manager, settings, observed.Providers)
	if err != nil {
		return err
	}
	defer unserved()
	settled := progress.Watch(ctx, r.Out, manager, line, observed.Logger)
	total, err := run(ctx, names...)
	settled()
	unprinted := r.printSummary(total, err == nil)
	if errors.Is(unprinted, syscall.EPIPE) {
		unprinted = nil // the run itself succeeded
	}
	return errors.Join(err, unprinted)
}

// checkSteps finds the faults of all tasks before the first of them runs. Worker processes need not check again.
func checkSteps(m *runner.Manager, names []string) error {
	if _, worker := runner.InWorkerProcess(); worker {
		return nil
	}
	var faults []error
	for _, task := range m.Tasks() {
		if len(names) > 0 && !slices.Contains(names, task.Name) {
			continue
		}
		if err := check.Task(task); !errors.Is(err, check.ErrUnchecked) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// printSummary prints the result of a run; ended reports whether all tasks ended by themselves.
func (r *Command) printSummary(total runner.Summary, ended bool) error {
	if len(total.Tasks) == 0 {
		return nil
	}
	if r.Out.JSON() {
		return r.Out.PrintJSON(summary.Document(total))
	}
	text := summary.Format(total, r.Out.Colors())
	if ended && r.Epilogue != nil {
		text += "\n" + r.Epilogue()
	}
	return r.Out.Print(text)
}
