package app

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

func (d *dlqCommands) dropCommand() *cobra.Command {
	var choice letterChoice
	c := &cobra.Command{
		Use: "drop [task|task/connector] [key...]", Short: "Remove dead letters for good",
		Long: "Remove dead letters for good: those with the keys, those that match the filters, or --all." + whichLetters,
		Args: cobra.ArbitraryArgs, ValidArgsFunction: d.configs.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return d.inLetterbox(c, args, &choice.letterFlags, choice.check,
				func(ctx context.Context, _ *session, in letterbox, store deadletter.Store, filter deadletter.Filter) error {
					filter, n, err := choice.consent(ctx, d.out, in, store, filter, "Drop")
					if err != nil {
						return err
					}
					return d.dropLetters(ctx, store, filter, n)
				})
		},
	}
	choice.add(d.configs, c)
	return c
}

// dropLetters drops those that match; that it is none is known beforehand.
func (d *dlqCommands) dropLetters(ctx context.Context, store deadletter.Store, filter deadletter.Filter, expected int64) error {
	var dropped int64
	if expected > 0 {
		var err error
		if dropped, err = store.DropDeadLetters(ctx, filter); err != nil {
			return err
		}
	}
	if d.out.json() {
		return d.out.printJSON(map[string]int64{"dropped": dropped})
	}
	return d.out.print(humanize.Plural(dropped, "dead letter") + " dropped\n")
}
