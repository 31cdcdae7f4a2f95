package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/runner"
)

func (p *program) runCommand() *cobra.Command {
	var of runOptions
	c := &cobra.Command{
		Use: "run [task...]", Short: "Run tasks until their sources are empty, or until they are stopped", GroupID: groupRun,
		Long: "Run tasks until their sources are empty, or until they are stopped; all tasks where none is named.\n" +
			"They run side by side; with --in-order one after the other, each when the one before it has ended, in the order in which\n" +
			"they are named, or else in that of the configuration.\n\n" +
			"SIGINT (Ctrl-C), SIGTERM and SIGHUP stop in order: what is in flight is finished. A second SIGINT or SIGTERM cuts that short.",
		ValidArgsFunction: p.completeTasks,
		RunE: func(c *cobra.Command, names []string) error {
			if c.Flags().Changed("limit") && of.limit < 1 {
				return usagef("--limit is %d, it must be at least 1; leave it out for the limits of the configuration", of.limit)
			}
			return p.runTasks(c.Context(), names, of)
		},
	}
	c.Flags().StringVar(&of.console, consoleFlag, "", "serve the console at `host:port` where the configuration does not say (ops.listen)")
	c.Flags().BoolVar(&of.inOrder, "in-order", false, "run one task after the other")
	c.Flags().Int64Var(&of.limit, "limit", 0, "start at most `N` transactions of each task")
	return c
}

// consoleFlag is the flag of run that dev sets.
const consoleFlag = "console"

// runOptions are the flags of run.
type runOptions struct {
	console string
	inOrder bool
	limit   int64 // 0 leaves those of the configuration
}

func (p *program) runTasks(ctx context.Context, names []string, of runOptions) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	c.console = of.console
	ctx, force, stop := p.process.Signals(ctx)
	defer stop()
	line := &liveLine{terminal: p.process.Stderr}
	providers, err := p.observe(ctx, c.telemetry(p.options), line, c.names(names))
	if err != nil {
		return err
	}
	defer p.end(ctx, providers)
	settings := p.runnerSettings(providers, force)
	settings.Output, settings.Recorder = line, c.recorder() // of worker processes too
	manager, err := p.manager(c, settings, of.limit)
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
	unserved, err := p.operate(ctx, c, manager, settings, providers)
	if err != nil {
		return err
	}
	defer unserved()
	settled := p.watch(ctx, manager, line, providers.Logger)
	summary, err := run(ctx, names...)
	settled()
	unprinted := p.printSummary(summary, err == nil)
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

// manager has all tasks of the configuration.
func (p *program) manager(c configuration, s runner.Settings, limit int64) (*runner.Manager, error) {
	m := runner.NewManager(s)
	var faults []error
	for _, task := range c.Tasks {
		if limit > 0 {
			task.Consumer.Loop.Limit, task.Producer.Loop.Limit = limit, limit
		}
		faults = append(faults, m.Register(task))
	}
	return m, errors.Join(faults...)
}

// watch shows how far the tasks are, on a terminal in a line that is redrawn, otherwise in the log, until the function
// that it returns is called.
func (p *program) watch(ctx context.Context, m *runner.Manager, line *liveLine, logger *slog.Logger) (end func()) {
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-ctx.Done():
			logger.InfoContext(ctx, "stopping: what is in flight is finished; a second signal cuts that short", "cause", context.Cause(ctx))
		case <-watching.Done():
		}
	})
	watcher.Go(func() {
		if _, terminal := p.terminal(p.process.Stderr); !terminal {
			logProgress(watching, m.Progress, logger)
			return
		}
		columns := func() int {
			width, _ := p.terminal(p.process.Stderr)
			return width
		}
		drawProgress(watching, m.Progress, line, columns, ctx.Done())
	})
	return func() {
		stop()
		watcher.Wait()
	}
}

// printSummary prints what a run came to; ended is whether all tasks came to their natural end.
func (p *program) printSummary(summary runner.Summary, ended bool) error {
	if len(summary.Tasks) == 0 {
		return nil
	}
	if p.json() {
		return p.printJSON(documented(summary))
	}
	text := summarize(summary, p.colorsFor(p.process.Stdout))
	if ended && p.settings.Epilogue != nil {
		text += "\n" + p.epilogue()
	}
	return p.print(text)
}
