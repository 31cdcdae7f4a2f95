package app

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
)

const whichLetters = `

They are those of the task that is named, or all in the connector task/connector;
without either, all in the only store of dead letters that the configuration has.`

// dlqCommands are the commands below dlq.
type dlqCommands struct {
	out      *printer
	configs  *loader
	sessions *sessions
}

func (d *dlqCommands) command() *cobra.Command {
	parent := &cobra.Command{
		Use: "dlq", Short: "Look at dead letters, give them back to their source, drop or export them", GroupID: groupQueue,
		Args: onlyCommands,
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
		return usagef("there is %q, but only a task or task/connector is expected here; keys are given by --key", rest[0])
	}
	return nil
}

// inLetterbox opens the store that the first of args names and calls use with what the flags and the other args, keys,
// choose of it. check says what is wrong with the keys.
func (d *dlqCommands) inLetterbox(
	c *cobra.Command, args []string, flags *letterFlags, check func(keys []string) error,
	use func(ctx context.Context, s *session, in letterbox, store deadletter.Store, filter deadletter.Filter) error,
) error {
	return d.sessions.run(c.Context(), func(ctx context.Context, s *session) error {
		in, rest, err := findLetters(s, args)
		if err != nil {
			return err
		}
		if err := check(rest); err != nil {
			return suggestPlace(s, err, rest)
		}
		filter, err := flags.filter(in)
		if err != nil {
			return err
		}
		filter.Keys = append(filter.Keys, rest...)
		err = within(ctx, s, in.place, func(ctx context.Context, store deadletter.Store) error {
			return use(ctx, s, in, store, filter)
		})
		if _, missing := errors.AsType[*missingKeysError](err); missing {
			return suggestPlace(s, err, rest)
		}
		return err
	})
}
