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

func (p *program) dlqShowCommand() *cobra.Command {
	var payload bool
	c := &cobra.Command{
		Use: "show [task|task/connector] <key...>", Short: "Show all about dead letters; the payload only with --payload",
		Long: "Show all about dead letters; the payload only with --payload.", Args: cobra.ArbitraryArgs,
		ValidArgsFunction: p.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return p.inLetterbox(c, args, &letterFlags{}, p.someKey,
				func(ctx context.Context, _ *session, in letterbox, store deadletter.Store, filter deadletter.Filter) error {
					letters, err := p.named(ctx, in, store, filter)
					return errors.Join(p.showLetters(letters, payload), err)
				})
		},
	}
	c.Flags().BoolVar(&payload, "payload", false, "show the payload as well")
	return c
}

func (p *program) someKey(keys []string) error {
	if len(keys) == 0 {
		return usagef("the key of a dead letter is missing; %s dlq ls prints them", p.settings.Name)
	}
	return nil
}

// named returns the letters with the filter's keys, in the order of the keys, and an error for those that are not there.
func (p *program) named(
	ctx context.Context, in letterbox, store deadletter.Store, filter deadletter.Filter,
) ([]deadletter.Letter, error) {
	found := map[string]deadletter.Letter{}
	for keys := range slices.Chunk(filter.Keys, lettersAtOnce) {
		some := filter
		some.Keys = keys
		letters, err := store.ListDeadLetters(ctx, some, deadletter.Page{Limit: len(keys)})
		if err != nil {
			return nil, err
		}
		for _, l := range letters {
			found[l.Key] = l
		}
	}
	var letters []deadletter.Letter
	var missing []string
	for _, key := range filter.Keys {
		if l, ok := found[key]; ok {
			letters = append(letters, l)
		} else {
			missing = append(missing, fmt.Sprintf("%q", key))
		}
	}
	if len(missing) > 0 {
		return letters, &missingKeysError{fmt.Sprintf("%s has no dead letter %s that is meant; %s dlq ls prints the keys",
			in, listed(missing, "or"), p.settings.Name)}
	}
	return letters, nil
}

func (p *program) showLetters(letters []deadletter.Letter, payload bool) error {
	if p.json() {
		shown := make([]shownLetter, len(letters))
		for i := range letters {
			shown[i] = shownLetter{Letter: letters[i]}
			if payload {
				shown[i].Payload = &letters[i].Payload
			}
		}
		return p.printJSON(map[string]any{"letters": shown})
	}
	var blocks []string
	for i := range letters {
		blocks = append(blocks, table("", p.letterRows(letters[i], payload)))
	}
	return p.print(strings.Join(blocks, "\n"))
}

// letterRows has what is known of a letter, a row each, and leaves out what is not.
func (p *program) letterRows(l deadletter.Letter, payload bool) [][]cell {
	var rows [][]cell
	paint := p.colorsFor(p.process.Stdout).bold
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
