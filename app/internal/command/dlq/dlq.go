// Package dlq is the commands below dlq.
package dlq

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/selection"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/deadletter"
)

const whichLetters = `

They are those of the task that is named, or all in the connector task/connector;
without either, all in the only store of dead letters that the configuration has.`

// Command are the commands below dlq.
type Command struct {
	Out      *output.Printer
	Configs  *configuration.Loader
	Sessions *session.Opener
}

// Cobra is the command.
func (d *Command) Cobra() *cobra.Command {
	parent := &cobra.Command{
		Use: "dlq", Short: "Look at dead letters, give them back to their source, drop or export them", GroupID: command.GroupQueue,
		Args: usage.OnlyCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	parent.AddCommand(
		d.listCommand(), d.showCommand(), d.groupsCommand(), d.retryCommand(), d.dropCommand(), d.exportCommand(),
	)
	return parent
}

// noMore refuses arguments beyond the place.
func noMore(rest []string) error {
	if len(rest) > 0 {
		return usage.Errorf("there is %q, but only a task or task/connector is expected here; keys are given by --key", rest[0])
	}
	return nil
}

// inLetterbox opens the store that the first of args names and calls use with what the flags and the other args, keys,
// choose of it. check says what is wrong with the keys.
func (d *Command) inLetterbox(
	c *cobra.Command, args []string, flags *selection.Flags, check func(keys []string) error,
	use func(ctx context.Context, s *session.Session, in selection.Scope, store deadletter.Store, filter deadletter.Filter) error,
) error {
	return d.Sessions.Run(c.Context(), func(ctx context.Context, s *session.Session) error {
		in, rest, err := selection.Find(s, args)
		if err != nil {
			return err
		}
		if err := check(rest); err != nil {
			return selection.SuggestRef(s, err, rest)
		}
		filter, err := flags.Filter(in)
		if err != nil {
			return err
		}
		filter.Keys = append(filter.Keys, rest...)
		err = session.With(ctx, s, in.ConnectorRef, func(ctx context.Context, store deadletter.Store) error {
			return use(ctx, s, in, store, filter)
		})
		if _, missing := errors.AsType[*selection.MissingKeysError](err); missing {
			return selection.SuggestRef(s, err, rest)
		}
		return err
	})
}
