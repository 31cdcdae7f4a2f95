package dlq

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/requeue"
	"github.com/ergon-go/ergon/app/internal/selection"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

func (d *Command) retryCommand() *cobra.Command {
	var choice selection.Choice
	var payload flags.PayloadFlags
	c := &cobra.Command{
		Use: "retry [task|task/connector] [key...]", Short: "Give dead letters back to where they came from",
		Long: "Give dead letters back to where they came from: those with the keys, those that match the filters, or --all.\n\n" +
			"One whose queue is in the same store moves there in one step, and takes its history with it. Any other is sent to the\n" +
			"source of its task, and dropped when that has it; done once more, after a crash in between, it arrives once all the same.\n" +
			"Where the source takes nothing, as a file, the letter stays; " + d.Out.Program + " replay runs the task on it.\n\n" +
			"With --payload-file or --payload-json the one letter that is named is given back with another payload." + whichLetters,
		Args: cobra.ArbitraryArgs, ValidArgsFunction: d.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return d.inLetterbox(c, args, &choice.Flags, choice.Check,
				func(ctx context.Context, s *session.Session, in selection.Scope, store deadletter.Store, filter deadletter.Filter) error {
					edit, err := deadletters.ReadEdit(c, payload, filter, d.Out.Process.Stdin)
					if err != nil {
						return err
					}
					filter, n, err := choice.Confirm(ctx, d.Out, in, store, filter, "Retry")
					if err != nil {
						return err
					}
					report := requeue.Report{Left: []requeue.Left{}}
					switch {
					case n > 0 && edit != nil:
						err = requeue.RetryEdited(ctx, s, store, filter, edit, &report)
					case n > 0:
						err = requeue.Retry(ctx, s, store, filter, &report)
					}
					if printed := d.printRetry(report); err != nil || printed != nil {
						return errors.Join(err, printed)
					}
					if len(report.Left) > 0 {
						return &output.ReportedError{Err: errLeft}
					}
					return nil
				})
		},
	}
	choice.Add(d.Configs, c)
	payload.Add(c)
	return c
}

var errLeft = errors.New("some dead letters could not be given back")

func (d *Command) printRetry(r requeue.Report) error {
	if d.Out.JSON() {
		if err := d.Out.PrintJSON(r); err != nil {
			return err
		}
	} else {
		text := humanize.Plural(r.GivenBack+r.Dispatched, "dead letter") + " retried"
		if r.Dispatched > 0 {
			text += ": " + humanize.Count(r.GivenBack) + " given back in their store, " + humanize.Count(r.Dispatched) + " sent to their source"
		}
		if err := d.Out.Print(text + "\n"); err != nil {
			return err
		}
	}
	for _, left := range r.Left {
		d.Out.Messagef("%s: %s of task %s left: %s\nTo run the task on them here: %s replay %s\n",
			d.Out.Program, humanize.Plural(left.Count, "dead letter"), left.Task, left.Reason, d.Out.Program, left.Task)
	}
	return nil
}
