package app

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

func (p *program) dlqDropCommand() *cobra.Command {
	var choice letterChoice
	c := &cobra.Command{
		Use: "drop [task|task/connector] [key...]", Short: "Remove dead letters for good",
		Long: "Remove dead letters for good: those with the keys, those that match the filters, or --all." + whichLetters,
		Args: cobra.ArbitraryArgs, ValidArgsFunction: p.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return p.inLetterbox(c, args, &choice.letterFlags, choice.check,
				func(ctx context.Context, _ *session, in letterbox, store deadletter.Store, filter deadletter.Filter) error {
					filter, n, err := choice.consent(ctx, p, in, store, filter, "Drop")
					if err != nil {
						return err
					}
					return p.dropLetters(ctx, store, filter, n)
				})
		},
	}
	choice.add(p, c)
	return c
}

// dropLetters drops those that match; that it is none is known beforehand.
func (p *program) dropLetters(ctx context.Context, store deadletter.Store, filter deadletter.Filter, expected int64) error {
	var dropped int64
	if expected > 0 {
		var err error
		if dropped, err = store.DropDeadLetters(ctx, filter); err != nil {
			return err
		}
	}
	if p.json() {
		return p.printJSON(map[string]int64{"dropped": dropped})
	}
	return p.print(humanize.Plural(dropped, "dead letter") + " dropped\n")
}
