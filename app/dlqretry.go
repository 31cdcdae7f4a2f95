package app

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

func (d *dlqCommands) retryCommand() *cobra.Command {
	var choice letterChoice
	var payload payloadFlags
	c := &cobra.Command{
		Use: "retry [task|task/connector] [key...]", Short: "Give dead letters back to where they came from",
		Long: "Give dead letters back to where they came from: those with the keys, those that match the filters, or --all.\n\n" +
			"One whose queue is in the same store moves there in one step, and takes its history with it. Any other is sent to the\n" +
			"source of its task, and dropped when that has it; done once more, after a crash in between, it arrives once all the same.\n" +
			"Where the source takes nothing, as a file, the letter stays; " + d.out.program + " replay runs the task on it.\n\n" +
			"With --payload-file or --payload-json the one letter that is named is given back with another payload." + whichLetters,
		Args: cobra.ArbitraryArgs, ValidArgsFunction: d.configs.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return d.inLetterbox(c, args, &choice.letterFlags, choice.check,
				func(ctx context.Context, s *session, in letterbox, store deadletter.Store, filter deadletter.Filter) error {
					edit, err := readEdit(c, payload, filter, d.out.process.Stdin)
					if err != nil {
						return err
					}
					filter, n, err := choice.consent(ctx, d.out, in, store, filter, "Retry")
					if err != nil {
						return err
					}
					report := retryReport{Left: []leftLetters{}}
					switch {
					case n > 0 && edit != nil:
						err = retryEdited(ctx, s, store, filter, edit, &report)
					case n > 0:
						err = retry(ctx, s, store, filter, &report)
					}
					if printed := d.printRetry(report); err != nil || printed != nil {
						return errors.Join(err, printed)
					}
					if len(report.Left) > 0 {
						return &reportedError{err: errLeft}
					}
					return nil
				})
		},
	}
	choice.add(d.configs, c)
	payload.add(c)
	return c
}

var errLeft = errors.New("some dead letters could not be given back")

func (d *dlqCommands) printRetry(r retryReport) error {
	if d.out.json() {
		if err := d.out.printJSON(r); err != nil {
			return err
		}
	} else {
		text := humanize.Plural(r.GivenBack+r.Dispatched, "dead letter") + " retried"
		if r.Dispatched > 0 {
			text += ": " + humanize.Count(r.GivenBack) + " given back in their store, " + humanize.Count(r.Dispatched) + " sent to their source"
		}
		if err := d.out.print(text + "\n"); err != nil {
			return err
		}
	}
	for _, left := range r.Left {
		d.out.messagef("%s: %s of task %s left: %s\nTo run the task on them here: %s replay %s\n",
			d.out.program, humanize.Plural(left.Count, "dead letter"), left.Task, left.Reason, d.out.program, left.Task)
	}
	return nil
}
