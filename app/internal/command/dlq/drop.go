package dlq

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/selection"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

func (d *Command) dropCommand() *cobra.Command {
	var choice selection.Choice
	c := &cobra.Command{
		Use: "drop [task|task/connector] [key...]", Short: "Delete dead letters",
		Long: "Delete dead letters: those with the keys, those that match the filters, or --all. They cannot be restored." + storeHelp,
		Args: cobra.ArbitraryArgs, ValidArgsFunction: d.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return d.inStore(c, args, &choice.Flags, choice.Check,
				func(ctx context.Context, _ *session.Session, in selection.Scope, store deadletter.Store, filter deadletter.Filter) error {
					filter, n, err := choice.Confirm(ctx, d.Out, in, store, filter, "Drop")
					if err != nil {
						return err
					}
					return d.drop(ctx, store, filter, n)
				})
		},
	}
	choice.Add(d.Configs, c)
	return c
}

// drop drops the dead letters that match. The store is not called if none is expected.
func (d *Command) drop(ctx context.Context, store deadletter.Store, filter deadletter.Filter, expected int64) error {
	var dropped int64
	if expected > 0 {
		var err error
		if dropped, err = store.DropDeadLetters(ctx, filter); err != nil {
			return err
		}
	}
	if d.Out.JSON() {
		return d.Out.PrintJSON(map[string]int64{"dropped": dropped})
	}
	return d.Out.Print(humanize.Plural(dropped, "dead letter") + " dropped\n")
}
