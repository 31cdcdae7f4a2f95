package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

func (d *dlqCommands) showCommand() *cobra.Command {
	var payload bool
	c := &cobra.Command{
		Use: "show [task|task/connector] <key...>", Short: "Show all about dead letters; the payload only with --payload",
		Long: "Show all about dead letters; the payload only with --payload.", Args: cobra.ArbitraryArgs,
		ValidArgsFunction: d.configs.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return d.inLetterbox(c, args, &letterFlags{}, d.someKey,
				func(ctx context.Context, _ *session, in letterbox, store deadletter.Store, filter deadletter.Filter) error {
					letters, err := named(ctx, d.out.program, in, store, filter)
					return errors.Join(d.showLetters(letters, payload), err)
				})
		},
	}
	c.Flags().BoolVar(&payload, "payload", false, "show the payload as well")
	return c
}

func (d *dlqCommands) someKey(keys []string) error {
	if len(keys) == 0 {
		return usagef("the key of a dead letter is missing; %s dlq ls prints them", d.out.program)
	}
	return nil
}

func (d *dlqCommands) showLetters(letters []deadletter.Letter, payload bool) error {
	if d.out.json() {
		shown := make([]shownLetter, len(letters))
		for i := range letters {
			shown[i] = shownLetter{Letter: letters[i]}
			if payload {
				shown[i].Payload = &letters[i].Payload
			}
		}
		return d.out.printJSON(map[string]any{"letters": shown})
	}
	var blocks []string
	for i := range letters {
		blocks = append(blocks, table("", d.letterRows(letters[i], payload)))
	}
	return d.out.print(strings.Join(blocks, "\n"))
}

// letterRows has what is known of a letter, a row each, and leaves out what is not.
func (d *dlqCommands) letterRows(l deadletter.Letter, payload bool) [][]cell {
	var rows [][]cell
	paint := d.out.colors().bold
	add := func(show bool, name, text string) {
		for line := range strings.SplitSeq(printable(text), "\n") {
			if show {
				rows = append(rows, []cell{{text: name, paint: paint}, {text: line}})
			}
			name = ""
		}
	}
	add(true, "key", l.Key)
	add(true, "transaction", l.ID)
	add(true, "task", l.Task)
	add(l.Queue != "", "queue", l.Queue)
	add(true, "failed", moment(l.FailedAt))
	add(!l.EnqueuedAt.IsZero(), "enqueued", moment(l.EnqueuedAt))
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
		add(true, "metadata", fmt.Sprintf("%q=%q (no UTF-8)", pair.Key, pair.Value))
	}
	add(payload && l.PayloadEncoding != deadletter.EncodingJSON, "encoding", string(l.PayloadEncoding))
	for _, f := range l.History {
		add(true, "before", fmt.Sprintf("%s %s in %s, tried again %s: %s",
			moment(f.FailedAt), f.Category, f.Phase, moment(f.RetriedAt), oneLine(f.Message)))
	}
	add(payload, "payload", payloadText(l.Payload))
	return rows
}
