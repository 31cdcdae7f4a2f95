package dlq

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/selection"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/app/internal/text"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

func (d *Command) listCommand() *cobra.Command {
	var flags selection.Flags
	var limit int
	c := &cobra.Command{
		Use: "ls [task|task/connector]", Short: "List dead letters, latest first, without payloads",
		Long:              "List dead letters, latest first, without payloads." + storeHelp,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: d.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			if limit < 1 {
				return usage.Errorf("--limit is %d, must be at least 1", limit)
			}
			return d.inStore(c, args, &flags, noMore,
				func(ctx context.Context, _ *session.Session, _ selection.Scope, store deadletter.Store, filter deadletter.Filter) error {
					return d.list(ctx, store, filter, limit)
				})
		},
	}
	flags.Add(d.Configs, c)
	c.Flags().IntVar(&limit, "limit", 20, "list at most `N` dead letters")
	return c
}

// shownDeadLetter is the JSON of a dead letter. The payload is left out unless the user asked for it.
type shownDeadLetter struct {
	deadletter.Letter

	Payload *any `json:"payload,omitempty"`
}

func (d *Command) list(ctx context.Context, store deadletter.Store, filter deadletter.Filter, limit int) error {
	letters, err := store.ListDeadLetters(ctx, filter, deadletter.Page{Limit: limit + 1})
	if err != nil {
		return err
	}
	more := len(letters) > limit
	letters = letters[:min(limit, len(letters))]
	if d.Out.JSON() {
		shown := make([]shownDeadLetter, len(letters))
		for i := range letters {
			shown[i] = shownDeadLetter{Letter: letters[i]}
		}
		return d.Out.PrintJSON(map[string]any{"dead_letters": shown, "more": more})
	}
	rows := [][]table.Cell{d.Out.Heading("KEY", "FAILED", "TASK", "CATEGORY", "PHASE", "TRANSACTION", "MESSAGE")}
	for _, l := range letters {
		rows = append(rows, table.Row(
			l.Key, text.Time(l.FailedAt), l.Task, l.Category.String(), string(l.Phase), text.OneLine(l.ID), text.OneLine(l.Message),
		))
	}
	if err := d.Out.Print(table.Format("", d.Out.Clipped(rows))); err != nil {
		return err
	}
	if more {
		d.Out.Messagef("There are more: raise --limit, or count them with %s dlq groups.\n", d.Out.Program)
	}
	return nil
}

func (d *Command) groupsCommand() *cobra.Command {
	var flags selection.Flags
	c := &cobra.Command{
		Use: "groups [task|task/connector]", Short: "Count dead letters by failure, most frequent first",
		Long: "Count dead letters by failure, most frequent first.\n" +
			"Failures of a group differ only in numbers, ids and quoted values." + storeHelp,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: d.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return d.inStore(c, args, &flags, noMore,
				func(ctx context.Context, _ *session.Session, _ selection.Scope, store deadletter.Store, filter deadletter.Filter) error {
					return d.group(ctx, store, filter)
				})
		},
	}
	flags.Add(d.Configs, c)
	return c
}

func (d *Command) group(ctx context.Context, store deadletter.Store, filter deadletter.Filter) error {
	groups, err := store.GroupDeadLetters(ctx, filter)
	if err != nil {
		return err
	}
	if d.Out.JSON() {
		return d.Out.PrintJSON(map[string]any{"groups": append([]deadletter.Group{}, groups...)})
	}
	rows := [][]table.Cell{d.Out.Heading("COUNT", "GROUP", "TASK", "CATEGORY", "PHASE", "FIRST", "LAST", "MESSAGE")}
	rows[0][0].Right = true
	for _, g := range groups {
		row := table.Row(humanize.Count(g.Count), g.Fingerprint, g.Task, g.Category.String(), string(g.Phase),
			text.Time(g.First), text.Time(g.Last), text.OneLine(g.Message))
		row[0].Right = true
		rows = append(rows, row)
	}
	return d.Out.Print(table.Format("", d.Out.Clipped(rows)))
}
