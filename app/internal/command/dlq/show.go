package dlq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/selection"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/app/internal/text"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/internal/readable"
)

func (d *Command) showCommand() *cobra.Command {
	var payload bool
	c := &cobra.Command{
		Use: "show [task|task/connector] <key...>", Short: "Show dead letters in full; the payload only with --payload",
		Long: "Show dead letters in full; the payload only with --payload.", Args: cobra.ArbitraryArgs,
		ValidArgsFunction: d.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return d.inStore(c, args, &selection.Flags{}, d.someKey,
				func(ctx context.Context, _ *session.Session, in selection.Scope, store deadletter.Store, filter deadletter.Filter) error {
					letters, err := selection.Named(ctx, d.Out.Program, in, store, filter)
					return errors.Join(d.show(letters, payload), err)
				})
		},
	}
	c.Flags().BoolVar(&payload, "payload", false, "show the payload")
	return c
}

func (d *Command) someKey(keys []string) error {
	if len(keys) == 0 {
		return usage.Errorf("the key of a dead letter is missing; %s dlq ls prints them", d.Out.Program)
	}
	return nil
}

func (d *Command) show(letters []deadletter.Letter, payload bool) error {
	if d.Out.JSON() {
		shown := make([]shownDeadLetter, len(letters))
		for i := range letters {
			shown[i] = shownDeadLetter{Letter: letters[i]}
			if payload {
				shown[i].Payload = &letters[i].Payload
			}
		}
		return d.Out.PrintJSON(map[string]any{"dead_letters": shown})
	}
	var blocks []string
	for i := range letters {
		blocks = append(blocks, table.Format("", d.detailRows(letters[i], payload)))
	}
	return d.Out.Print(strings.Join(blocks, "\n"))
}

// detailRows has a row for each known field of a dead letter.
func (d *Command) detailRows(l deadletter.Letter, payload bool) [][]table.Cell {
	var rows [][]table.Cell
	paint := d.Out.Colors().Bold
	add := func(show bool, name, value string) {
		for line := range strings.SplitSeq(text.Printable(value), "\n") {
			if show {
				rows = append(rows, []table.Cell{{Text: name, Paint: paint}, {Text: line}})
			}
			name = ""
		}
	}
	add(true, "key", l.Key)
	add(true, "transaction", l.ID)
	add(true, "task", l.Task)
	add(l.Queue != "", "queue", l.Queue)
	add(true, "failed", text.Time(l.FailedAt))
	add(!l.EnqueuedAt.IsZero(), "enqueued", text.Time(l.EnqueuedAt))
	add(l.Deliveries > 0, "deliveries", humanize.Count(l.Deliveries))
	add(true, "category", l.Category.String())
	add(true, "phase", string(l.Phase))
	add(true, "attempts", humanize.Count(l.Attempts))
	add(true, "message", l.Message)
	add(l.FirstError != "", "first error", l.FirstError)
	add(l.HandlerFailed, "handler failed", l.HandlerError)
	add(true, "group", l.Fingerprint)
	for _, key := range slices.Sorted(maps.Keys(l.Metadata)) {
		add(true, "metadata", key+"="+l.Metadata[key])
	}
	for _, pair := range l.BinaryMetadata {
		add(true, "metadata", fmt.Sprintf("%q=%q (not UTF-8)", pair.Key, pair.Value))
	}
	add(payload && l.PayloadEncoding != deadletter.EncodingJSON, "encoding", string(l.PayloadEncoding))
	for _, f := range l.History {
		add(true, "previously", fmt.Sprintf("%s %s in %s, requeued %s: %s",
			text.Time(f.FailedAt), f.Category, f.Phase, text.Time(f.RetriedAt), text.OneLine(f.Message)))
	}
	add(payload, "payload", readable.Text(l.Payload))
	return rows
}
