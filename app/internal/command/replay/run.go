package replay

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/app/internal/instrument"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/progress"
	"github.com/ergon-go/ergon/app/internal/selection"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/summary"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// replayable refuses a task with a sink that would lose what the replay sends.
func replayable(s *session.Session, task ergon.TaskConfig) error {
	for _, name := range slices.Sorted(maps.Keys(task.Connectors)) {
		at := configuration.ConnectorRef{Task: task, Connector: name}
		if name == configuration.Source(task) {
			continue
		}
		connector, err := session.Make[any](s, at)
		if err != nil {
			return err
		}
		if err := session.RefuseReplacer(at, connector); err != nil {
			return err
		}
	}
	return nil
}

// replaying is the task with the selected dead letters as its source, one worker, and no other store of dead letters: a
// transaction that fails again stays a dead letter where it is.
func replaying(in selection.Scope, filter deadletter.Filter, edit *deadletters.Edit) ergon.TaskConfig {
	task := in.ConnectorRef.Task
	store, from := task.Connectors[in.Connector], task.Connectors[configuration.Source(task)]
	task.Connectors = maps.Clone(task.Connectors)
	task.Connectors[configuration.Source(task)] = ergon.Component{Type: "dead letters", New: func() (any, error) {
		made, err := store.New()
		if err != nil {
			return nil, err
		}
		kept, ok := capability.As[deadletter.Store](made)
		if !ok {
			return nil, errors.New("the connector does not keep dead letters")
		}
		was, err := from.New()
		if err != nil {
			return nil, err
		}
		of, err := capability.DeclarationOf(was)
		if err != nil {
			return nil, err
		}
		return &deadLetterSource{store: kept, filter: filter, edit: edit, of: of}, nil
	}}
	task.Workers = policy.DefaultWorkers()
	loop := &task.Consumer.Loop
	loop.Streaming, loop.Limit, loop.OnException, loop.DeadLetter = false, 0, policy.OnExceptionDeadLetter, policy.DeadLetterSource
	return task
}

var errStay = errors.New("some dead letters remain")

func (r *Command) run(
	ctx context.Context, s *session.Session, in selection.Scope, filter deadletter.Filter, edit *deadletters.Edit, n int64,
) error {
	line := &progress.LiveLine{Terminal: r.Out.Process.Stderr}
	observed, err := r.Telemetry.Start(ctx, instrument.BesideProgram(r.Telemetry.Config(s.Config)), line, []string{in.Task})
	if err != nil {
		return err
	}
	defer observed.End(ctx)
	manager := runner.NewManager(observed.RunnerSettings(s.Settings.Force))
	if err := manager.Register(replaying(in, filter, edit)); err != nil {
		return err
	}
	if n == 0 {
		return r.printReplay(runner.Summary{}, 0, 0)
	}
	settled := progress.Watch(ctx, r.Out, manager, line, observed.Logger)
	total, err := manager.Run(ctx, in.Task)
	settled()
	var gone int64
	for _, t := range total.Tasks {
		gone += t.Snapshot.Outcomes[runner.Succeeded] + t.Snapshot.Outcomes[runner.Discarded]
	}
	printed := r.printReplay(total, gone, max(n-gone, 0))
	if err == nil && printed == nil && gone < n {
		return &output.ReportedError{Err: errStay}
	}
	return errors.Join(err, printed)
}

func (r *Command) printReplay(total runner.Summary, gone, stay int64) error {
	if r.Out.JSON() {
		return r.Out.PrintJSON(summary.Document(total))
	}
	text := summary.Format(total, r.Out.Colors())
	if text != "" {
		text += "\n"
	}
	return r.Out.Print(text + humanize.Plural(gone, "dead letter") + " processed and dropped, " + humanize.Count(stay) + " remain\n")
}
