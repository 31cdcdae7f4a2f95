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

const storeHelp = `

The first argument selects the dead letters of a task, or all in a connector.
It is optional if the configuration has only one store of dead letters.`

// Command are the commands below dlq.
type Command struct {
	Out      *output.Printer
	Configs  *configuration.Loader
	Sessions *session.Opener
}

// Cobra is the command.
func (d *Command) Cobra() *cobra.Command {
	parent := &cobra.Command{
		Use: "dlq", Short: "List, requeue, drop and export dead letters", GroupID: command.GroupQueue,
		Args: usage.OnlyCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	parent.AddCommand(
		d.listCommand(), d.showCommand(), d.groupsCommand(), d.retryCommand(), d.dropCommand(), d.exportCommand(),
	)
	return parent
}

// noMore refuses arguments after the store.
func noMore(rest []string) error {
	if len(rest) > 0 {
		return usage.Errorf("unexpected argument %q; select keys by --key", rest[0])
	}
	return nil
}

// inStore opens the store that the first of args names, and calls use with the filter that the flags and the other args, which are
// keys, make. check refuses invalid keys.
func (d *Command) inStore(
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
