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
		Short: "Run a task on its dead letters again, or have its queue deliver again what is settled",
		Long: `Run a task on its dead letters, here and now, with its real policies: those with the keys, those that match the filters, or
--all. Letters whose transactions succeed are dropped. The others stay as they are, the log says why, and the exit code is 1.
With --payload-file or --payload-json the one letter that is named is run with another payload.

With --settled nothing is run: transactions that the task's queue has settled and still keeps are made ready once more, those
with the ids that are given in place of keys, those settled in the time that --newer-than and --older-than say, or --all. What
comes out of them is new: it is not taken for what came out before.`,
		Args: cobra.MinimumNArgs(0), ValidArgsFunction: r.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage.Errorf("the name of a task is missing")
			}
			if settled && payload.GivenIn(c) {
				return usage.Errorf("--settled delivers what was settled as it was; another payload is for a dead letter")
			}
			if settled {
				return r.replaySettled(c.Context(), args[0], args[1:], &choice)
			}
			return r.replayLetters(c, args, &choice, payload)
		},
	}
	choice.Add(r.Configs, c)
	payload.Add(c)
	c.Flags().BoolVar(&settled, "settled", false, "what the task's queue has settled, in place of its dead letters")
	return c
}

func (r *Command) replayLetters(c *cobra.Command, args []string, choice *selection.Choice, payload flags.PayloadFlags) error {
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
