package app

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

func (d *dlqCommands) listCommand() *cobra.Command {
	var flags letterFlags
	var limit int
	c := &cobra.Command{
		Use: "ls [task|task/connector]", Short: "List dead letters, the latest first; payloads are not shown",
		Long:              "List dead letters, the latest first; payloads are not shown." + whichLetters,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: d.configs.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			if limit < 1 {
				return usagef("--limit is %d, it must be at least 1", limit)
			}
			return d.inLetterbox(c, args, &flags, noMore,
				func(ctx context.Context, _ *session, _ letterbox, store deadletter.Store, filter deadletter.Filter) error {
					return d.listLetters(ctx, store, filter, limit)
				})
		},
	}
	flags.add(d.configs, c)
	c.Flags().IntVar(&limit, "limit", 20, "list at most `N`")
	return c
}

// shownLetter is a letter for machines, whose payload is left out unless it is asked for.
type shownLetter struct {
	deadletter.Letter

	Payload *any `json:"payload,omitempty"`
}

func (d *dlqCommands) listLetters(ctx context.Context, store deadletter.Store, filter deadletter.Filter, limit int) error {
	letters, err := store.ListDeadLetters(ctx, filter, deadletter.Page{Limit: limit + 1})
	if err != nil {
		return err
	}
	more := len(letters) > limit
	letters = letters[:min(limit, len(letters))]
	if d.out.json() {
		shown := make([]shownLetter, len(letters))
		for i := range letters {
			shown[i] = shownLetter{Letter: letters[i]}
		}
		return d.out.printJSON(map[string]any{"letters": shown, "more": more})
	}
	rows := [][]cell{d.out.heading("KEY", "FAILED", "TASK", "CATEGORY", "PHASE", "TRANSACTION", "MESSAGE")}
	for _, l := range letters {
		rows = append(rows, cells(
			l.Key, moment(l.FailedAt), l.Task, l.Category.String(), string(l.Phase), oneLine(l.ID), oneLine(l.Message),
		))
	}
	if err := d.out.print(table("", d.out.clipped(rows))); err != nil {
		return err
	}
	if more {
		d.out.messagef("There are more; --limit shows more of them, and %s dlq groups counts them.\n", d.out.program)
	}
	return nil
}

func (d *dlqCommands) groupsCommand() *cobra.Command {
	var flags letterFlags
	c := &cobra.Command{
		Use: "groups [task|task/connector]", Short: "Count dead letters that look alike, the most frequent first",
		Long:              "Count dead letters that look alike, the most frequent first." + whichLetters,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: d.configs.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return d.inLetterbox(c, args, &flags, noMore,
				func(ctx context.Context, _ *session, _ letterbox, store deadletter.Store, filter deadletter.Filter) error {
					return d.groupLetters(ctx, store, filter)
				})
		},
	}
	flags.add(d.configs, c)
	return c
}

func (d *dlqCommands) groupLetters(ctx context.Context, store deadletter.Store, filter deadletter.Filter) error {
	groups, err := store.GroupDeadLetters(ctx, filter)
	if err != nil {
		return err
	}
	if d.out.json() {
		return d.out.printJSON(map[string]any{"groups": append([]deadletter.Group{}, groups...)})
	}
	rows := [][]cell{d.out.heading("COUNT", "GROUP", "TASK", "CATEGORY", "PHASE", "FIRST", "LAST", "MESSAGE")}
	rows[0][0].right = true
	for _, g := range groups {
		row := cells(humanize.Count(g.Count), g.Fingerprint, g.Task, g.Category.String(), string(g.Phase),
			moment(g.First), moment(g.Last), oneLine(g.Message))
		row[0].right = true
		rows = append(rows, row)
	}
	return d.out.print(table("", d.out.clipped(rows)))
}
