// Package replay is the command replay.
package replay

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/app/internal/instrument"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/selection"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/deadletter"
)

// Command are the command replay.
type Command struct {
	Out       *output.Printer
	Configs   *configuration.Loader
	Telemetry *instrument.Setup
	Sessions  *session.Opener
}

// Cobra is the command.
func (r *Command) Cobra() *cobra.Command {
	var choice selection.Choice
	var payload flags.PayloadFlags
	var settled bool
	c := &cobra.Command{
		Use: "replay <task> [key...]", GroupID: command.GroupQueue,
		Short: "Run a task on its dead letters, or deliver settled transactions again",
		Long: `Run a task now, in this process, on its dead letters: those with the keys, those that match the filters, or --all. The policies
of the task apply. If a transaction succeeds, its dead letter is dropped. The others stay, the log has their errors, and the exit
code is 1. With --payload-file or --payload-json the task is run on one dead letter with another payload.

With --settled nothing is run. The queue of the task delivers settled transactions again that it still keeps: those with the ids
given in place of keys, those settled between --older-than and --newer-than, or --all. Their outputs get new ids, so sinks do not
take them for duplicates.`,
		Args: cobra.MinimumNArgs(0), ValidArgsFunction: r.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage.Errorf("the name of a task is missing")
			}
			if settled && payload.GivenIn(c) {
				return usage.Errorf("--settled delivers transactions unchanged; another payload is only for a dead letter")
			}
			if settled {
				return r.replaySettled(c.Context(), args[0], args[1:], &choice)
			}
			return r.replayDeadLetters(c, args, &choice, payload)
		},
	}
	choice.Add(r.Configs, c)
	payload.Add(c)
	c.Flags().BoolVar(&settled, "settled", false, "select settled transactions of the queue instead of dead letters")
	return c
}

func (r *Command) replayDeadLetters(c *cobra.Command, args []string, choice *selection.Choice, payload flags.PayloadFlags) error {
	return r.Sessions.Run(c.Context(), func(ctx context.Context, s *session.Session) error {
		task, err := s.Config.Task(args[0])
		if err != nil {
			return err
		}
		if err := choice.Check(args[1:]); err != nil {
			return err
		}
		at, err := configuration.RefTo(task, configuration.DeadLetters(task))
		if err != nil {
			return err
		}
		in := selection.Scope{ConnectorRef: at, Task: task.Name}
		filter, err := choice.Filter(in)
		if err != nil {
			return err
		}
		filter.Keys = append(filter.Keys, args[1:]...)
		edit, err := deadletters.ReadEdit(c, payload, filter, r.Out.Process.Stdin)
		if err != nil {
			return err
		}
		if err := replayable(s, task); err != nil {
			return err
		}
		var n int64
		if err := session.With(ctx, s, at, func(ctx context.Context, store deadletter.Store) error {
			filter, n, err = choice.Confirm(ctx, r.Out, in, store, filter, "Replay")
			return err
		}); err != nil {
			return err
		}
		return r.run(ctx, s, in, filter, edit, n)
	})
}
