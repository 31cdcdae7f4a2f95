package app

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
)

// replayCommands are the command replay.
type replayCommands struct {
	out       *printer
	configs   *loader
	telemetry *telemetrySetup
	sessions  *sessions
}

func (r *replayCommands) command() *cobra.Command {
	var choice letterChoice
	var payload payloadFlags
	var settled bool
	c := &cobra.Command{
		Use: "replay <task> [key...]", GroupID: groupQueue,
		Short: "Run a task on its dead letters again, or have its queue deliver again what is settled",
		Long: `Run a task on its dead letters, here and now, with its real policies: those with the keys, those that match the filters, or
--all. Letters whose transactions succeed are dropped. The others stay as they are, the log says why, and the exit code is 1.
With --payload-file or --payload-json the one letter that is named is run with another payload.

With --settled nothing is run: transactions that the task's queue has settled and still keeps are made ready once more, those
with the ids that are given in place of keys, those settled in the time that --newer-than and --older-than say, or --all. What
comes out of them is new: it is not taken for what came out before.`,
		Args: cobra.MinimumNArgs(0), ValidArgsFunction: r.configs.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("the name of a task is missing")
			}
			if settled && payload.givenIn(c) {
				return usagef("--settled delivers what was settled as it was; another payload is for a dead letter")
			}
			if settled {
				return r.replaySettled(c.Context(), args[0], args[1:], &choice)
			}
			return r.replayLetters(c, args, &choice, payload)
		},
	}
	choice.add(r.configs, c)
	payload.add(c)
	c.Flags().BoolVar(&settled, "settled", false, "what the task's queue has settled, in place of its dead letters")
	return c
}

func (r *replayCommands) replayLetters(c *cobra.Command, args []string, choice *letterChoice, payload payloadFlags) error {
	return r.sessions.run(c.Context(), func(ctx context.Context, s *session) error {
		task, err := s.config.task(args[0])
		if err != nil {
			return err
		}
		if err := choice.check(args[1:]); err != nil {
			return err
		}
		at, err := placeIn(task, deadLetters(task))
		if err != nil {
			return err
		}
		in := letterbox{place: at, task: task.Name}
		filter, err := choice.filter(in)
		if err != nil {
			return err
		}
		filter.Keys = append(filter.Keys, args[1:]...)
		edit, err := readEdit(c, payload, filter, r.out.process.Stdin)
		if err != nil {
			return err
		}
		if err := replayable(s, task); err != nil {
			return err
		}
		var n int64
		if err := within(ctx, s, at, func(ctx context.Context, store deadletter.Store) error {
			filter, n, err = choice.consent(ctx, r.out, in, store, filter, "Replay")
			return err
		}); err != nil {
			return err
		}
		return r.run(ctx, s, in, filter, edit, n)
	})
}
