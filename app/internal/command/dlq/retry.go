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
		Use: "retry [task|task/connector] [key...]", Short: "Requeue dead letters to their source",
		Long: "Requeue dead letters to their source: those with the keys, those that match the filters, or --all.\n\n" +
			"If the queue is in the same store, a dead letter moves there in one step and keeps its history. Otherwise it is sent to the\n" +
			"source of its task and dropped when the source has stored it. After a crash in between, run the command again: the\n" +
			"transaction arrives only once. If the source accepts nothing, such as a file, the dead letter stays.\n" +
			"Then use " + d.Out.Program + " replay.\n\n" +
			"With --payload-file or --payload-json one dead letter is requeued with another payload." + storeHelp,
		Args: cobra.ArbitraryArgs, ValidArgsFunction: d.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return d.inStore(c, args, &choice.Flags, choice.Check,
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

var errLeft = errors.New("some dead letters could not be requeued")

func (d *Command) printRetry(r requeue.Report) error {
	if d.Out.JSON() {
		if err := d.Out.PrintJSON(r); err != nil {
			return err
		}
	} else {
		text := humanize.Plural(r.Moved+r.Dispatched, "dead letter") + " requeued"
		if r.Dispatched > 0 {
			text += ": " + humanize.Count(r.Moved) + " in their store, " + humanize.Count(r.Dispatched) + " to the source of their task"
		}
		if err := d.Out.Print(text + "\n"); err != nil {
			return err
		}
	}
	for _, left := range r.Left {
		d.Out.Messagef("%s: %s of task %s not requeued: %s\nTo run the task on them now: %s replay %s\n",
			d.Out.Program, humanize.Plural(left.Count, "dead letter"), left.Task, left.Reason, d.Out.Program, left.Task)
	}
	return nil
}
