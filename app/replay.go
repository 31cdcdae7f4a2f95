package app

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// replayable refuses a task that sends to what would not keep it.
func replayable(s *session, task ergon.TaskConfig) error {
	for _, name := range slices.Sorted(maps.Keys(task.Connectors)) {
		at := place{task: task, connector: name}
		if name == source(task) {
			continue
		}
		connector, err := capable[any](s, at)
		if err != nil {
			return err
		}
		if err := refuseReplacer(at, connector); err != nil {
			return err
		}
	}
	return nil
}

// replaying is the task with the dead letters that match in place of its source, one worker, and no place for what fails
// again: that stays where it is.
func replaying(in letterbox, filter deadletter.Filter, edit *letterEdit) ergon.TaskConfig {
	task := in.place.task
	store, from := task.Connectors[in.connector], task.Connectors[source(task)]
	task.Connectors = maps.Clone(task.Connectors)
	task.Connectors[source(task)] = ergon.Component{Type: "dead letters", New: func() (any, error) {
		made, err := store.New()
		if err != nil {
			return nil, err
		}
		kept, ok := made.(deadletter.Store)
		if !ok {
			return nil, errors.New("it does not keep dead letters any more")
		}
		was, err := from.New()
		if err != nil {
			return nil, err
		}
		of, err := capability.DeclarationOf(was)
		if err != nil {
			return nil, err
		}
		return &letterSource{store: kept, filter: filter, edit: edit, of: of}, nil
	}}
	task.Workers = policy.DefaultWorkers()
	loop := &task.Consumer.Loop
	loop.Streaming, loop.Limit, loop.OnException, loop.DeadLetter = false, 0, policy.OnExceptionDeadLetter, policy.DeadLetterSource
	return task
}

var errStay = errors.New("some dead letters stay")

func (r *replayCommands) run(ctx context.Context, s *session, in letterbox, filter deadletter.Filter, edit *letterEdit, n int64) error {
	line := &liveLine{terminal: r.out.process.Stderr}
	observed, err := r.telemetry.start(ctx, aside(r.telemetry.config(s.config)), line, []string{in.task})
	if err != nil {
		return err
	}
	defer observed.end(ctx)
	manager := runner.NewManager(observed.runnerSettings(s.settings.Force))
	if err := manager.Register(replaying(in, filter, edit)); err != nil {
		return err
	}
	if n == 0 {
		return r.printReplay(runner.Summary{}, 0, 0)
	}
	settled := watch(ctx, r.out, manager, line, observed.Logger)
	summary, err := manager.Run(ctx, in.task)
	settled()
	var gone int64
	for _, t := range summary.Tasks {
		gone += t.Snapshot.Outcomes[runner.Succeeded] + t.Snapshot.Outcomes[runner.Discarded]
	}
	printed := r.printReplay(summary, gone, max(n-gone, 0))
	if err == nil && printed == nil && gone < n {
		return &reportedError{err: errStay}
	}
	return errors.Join(err, printed)
}

func (r *replayCommands) printReplay(summary runner.Summary, gone, stay int64) error {
	if r.out.json() {
		return r.out.printJSON(documented(summary))
	}
	text := summarize(summary, r.out.colors())
	if text != "" {
		text += "\n"
	}
	return r.out.print(text + humanize.Plural(gone, "dead letter") + " replayed and dropped, " + humanize.Count(stay) + " left\n")
}
