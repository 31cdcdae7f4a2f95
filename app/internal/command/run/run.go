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
	Epilogue  func() string // what the program adds to the summary; nil for nothing
}

// Cobra is the command.
func (r *Command) Cobra() *cobra.Command {
	var of runOptions
	c := &cobra.Command{
		Use: "run [task...]", Short: "Run tasks until their sources are empty, or until they are stopped", GroupID: command.GroupRun,
		Long: "Run tasks until their sources are empty, or until they are stopped; all tasks where none is named.\n" +
			"They run side by side; with --in-order one after the other, each when the one before it has ended, in the order in which\n" +
			"they are named, or else in that of the configuration.\n\n" +
			"SIGINT (Ctrl-C), SIGTERM and SIGHUP stop in order: what is in flight is finished. A second SIGINT or SIGTERM cuts that short.",
		ValidArgsFunction: r.Configs.CompleteTasks,
		RunE: func(c *cobra.Command, names []string) error {
			if c.Flags().Changed("limit") && of.limit < 1 {
				return usage.Errorf("--limit is %d, it must be at least 1; leave it out for the limits of the configuration", of.limit)
			}
			return r.runTasks(c.Context(), names, of)
		},
	}
	c.Flags().StringVar(&of.console, command.ConsoleFlag, "",
		"serve the console at `host:port` where the configuration does not say (ops.listen)")
	c.Flags().BoolVar(&of.inOrder, "in-order", false, "run one task after the other")
	c.Flags().Int64Var(&of.limit, "limit", 0, "start at most `N` transactions of each task")
	return c
}

// runOptions are the flags of run.
type runOptions struct {
	console string
	inOrder bool
	limit   int64 // 0 leaves those of the configuration
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
		unprinted = nil // what was run has run, whether somebody reads of it or not
	}
	return errors.Join(err, unprinted)
}

// checkSteps has a step that is configured wrongly be refused before those that come before it have run. A worker process
// has no need of that.
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

// printSummary prints what a run came to; ended is whether all tasks came to their natural end.
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
