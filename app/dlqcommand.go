package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/suggest"
)

const whichLetters = `

They are those of the task that is named, or all in the connector task/connector;
without either, all in the only store of dead letters that the configuration has.`

func (p *program) dlqCommand() *cobra.Command {
	parent := &cobra.Command{
		Use: "dlq", Short: "Look at dead letters, give them back to their source, drop or export them", GroupID: groupQueue,
		Args: p.onlyCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	parent.AddCommand(
		p.dlqListCommand(), p.dlqShowCommand(), p.dlqGroupsCommand(), p.dlqRetryCommand(), p.dlqDropCommand(), p.dlqExportCommand(),
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

// missingKeysError is what is said of keys that no dead letter has.
type missingKeysError struct{ text string }

func (m *missingKeysError) Error() string { return m.text }

// meant adds to err which task or connector may have been meant by a key.
func (s *session) meant(err error, keys []string) error {
	var known []string
	for _, task := range s.config.Tasks {
		known = append(append(known, task.Name), placesIn(task)...)
	}
	for _, key := range keys {
		if meant := suggest.One(key, known); meant != "" && !slices.Contains(known, key) {
			return fmt.Errorf("%w; did you mean %q?", err, meant)
		}
	}
	return err
}

// inLetterbox opens the store that the first of args names and calls use with what the flags and the other args, keys,
// choose of it. check says what is wrong with the keys.
func (p *program) inLetterbox(
	c *cobra.Command, args []string, flags *letterFlags, check func(keys []string) error,
	use func(ctx context.Context, s *session, in letterbox, store deadletter.Store, filter deadletter.Filter) error,
) error {
	return p.inSession(c.Context(), func(ctx context.Context, s *session) error {
		in, rest, err := s.letterbox(args)
		if err != nil {
			return err
		}
		if err := check(rest); err != nil {
			return s.meant(err, rest)
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
			return s.meant(err, rest)
		}
		return err
	})
}
