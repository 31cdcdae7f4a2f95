package app

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/runner"
)

// runCommands are the command run.
type runCommands struct {
	out       *printer
	configs   *loader
	telemetry *telemetrySetup
	epilogue  func() string // what the program adds to the summary; nil for nothing
}

func (r *runCommands) command() *cobra.Command {
	var of runOptions
	c := &cobra.Command{
		Use: "run [task...]", Short: "Run tasks until their sources are empty, or until they are stopped", GroupID: groupRun,
		Long: "Run tasks until their sources are empty, or until they are stopped; all tasks where none is named.\n" +
			"They run side by side; with --in-order one after the other, each when the one before it has ended, in the order in which\n" +
			"they are named, or else in that of the configuration.\n\n" +
			"SIGINT (Ctrl-C), SIGTERM and SIGHUP stop in order: what is in flight is finished. A second SIGINT or SIGTERM cuts that short.",
		ValidArgsFunction: r.configs.completeTasks,
		RunE: func(c *cobra.Command, names []string) error {
			if c.Flags().Changed("limit") && of.limit < 1 {
				return usagef("--limit is %d, it must be at least 1; leave it out for the limits of the configuration", of.limit)
			}
			return r.runTasks(c.Context(), names, of)
		},
	}
	c.Flags().StringVar(&of.console, consoleFlag, "", "serve the console at `host:port` where the configuration does not say (ops.listen)")
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

func (r *runCommands) runTasks(ctx context.Context, names []string, of runOptions) error {
	c, err := r.configs.load()
	if err != nil {
		return err
	}
	ctx, force, stop := r.out.process.Signals(ctx)
	defer stop()
	line := &liveLine{terminal: r.out.process.Stderr}
	observed, err := r.telemetry.start(ctx, r.telemetry.config(c), line, c.names(names))
	if err != nil {
		return err
	}
	defer observed.end(ctx)
	settings := observed.runnerSettings(force)
	at := endpoint{out: r.out, registry: r.configs.registry, version: r.telemetry.version, config: c, console: of.console}
	settings.Output, settings.Recorder = line, at.recorder() // of worker processes too
	manager, err := c.manager(settings, of.limit)
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
	unserved, err := at.serve(ctx, manager, settings, observed.Providers)
	if err != nil {
		return err
	}
	defer unserved()
	settled := watch(ctx, r.out, manager, line, observed.Logger)
	summary, err := run(ctx, names...)
	settled()
	unprinted := r.printSummary(summary, err == nil)
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
		if err := check(task); !errors.Is(err, errUnchecked) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// printSummary prints what a run came to; ended is whether all tasks came to their natural end.
func (r *runCommands) printSummary(summary runner.Summary, ended bool) error {
	if len(summary.Tasks) == 0 {
		return nil
	}
	if r.out.json() {
		return r.out.printJSON(documented(summary))
	}
	text := summarize(summary, r.out.colors())
	if ended && r.epilogue != nil {
		text += "\n" + r.epilogue()
	}
	return r.out.print(text)
}
