package queue

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/app/internal/text"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/internal/readable"
)

func (q *Command) peekCommand() *cobra.Command {
	state := flags.OneOf(string(capability.StateReady), string(capability.StateReady), string(capability.StateDelayed),
		string(capability.StateClaimed), string(capability.StateSettled))
	var limit int
	var payload bool
	c := &cobra.Command{
		Use: "peek <task|task/connector>", Short: "List transactions in a queue; payloads only with --payload",
		Long: "List transactions in the source of a task or in another of its connectors, in order of delivery.\n" +
			"Nothing is claimed. Payloads are shown only with --payload.",
		Args: usage.Arguments("the task or task/connector"), ValidArgsFunction: q.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			if limit < 1 {
				return usage.Errorf("--limit is %d, must be at least 1", limit)
			}
			return q.Sessions.Run(c.Context(), func(ctx context.Context, s *session.Session) error {
				at, err := s.Config.Find(args[0], configuration.Source)
				if err != nil {
					return err
				}
				return session.With(ctx, s, at, func(ctx context.Context, queue capability.Inspector) error {
					txs, err := queue.PeekTransactions(ctx, capability.QueueState(state.Value), limit)
					if err != nil {
						return err
					}
					return q.printTransactions(txs, payload)
				})
			})
		},
	}
	c.Flags().Var(&state, "state", "state of the transactions")
	c.Flags().IntVar(&limit, "limit", 10, "list at most `N` transactions")
	c.Flags().BoolVar(&payload, "payload", false, "show payloads as well")
	_ = c.RegisterFlagCompletionFunc("state", state.Complete) // fails only for a flag that is not there
	return c
}

type shownTransaction struct {
	ID         string            `json:"id"`
	EnqueuedAt time.Time         `json:"enqueued_at,omitzero"`
	Deliveries int               `json:"deliveries"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Payload    any               `json:"payload,omitempty"`
}

func (q *Command) printTransactions(txs []ergon.Transaction, payload bool) error {
	shown := []shownTransaction{}
	rows := [][]table.Cell{q.Out.Heading("TRANSACTION", "ENQUEUED", "DELIVERIES", "METADATA")}
	if payload {
		rows[0] = append(rows[0], q.Out.Heading("PAYLOAD")...)
	}
	for _, tx := range txs {
		delivery, metadata := tx.Delivery(), maps.Collect(tx.AllMetadata())
		one := shownTransaction{ID: tx.ID(), EnqueuedAt: delivery.EnqueuedAt, Deliveries: delivery.Count, Metadata: metadata}
		row := table.Row(text.OneLine(tx.ID()), text.Time(delivery.EnqueuedAt), humanize.Count(delivery.Count), pairs(metadata))
		if payload {
			one.Payload = readable.Payload(tx.Payload())
			row = append(row, table.Cell{Text: text.OneLine(readable.Text(tx.Payload()))})
		}
		shown, rows = append(shown, one), append(rows, row)
	}
	if q.Out.JSON() {
		return q.Out.PrintJSON(map[string]any{"transactions": shown})
	}
	return q.Out.Print(table.Format("", q.Out.Clipped(rows)))
}

// pairs is "a=1 b=2", or "-".
func pairs(metadata map[string]string) string {
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		texts = append(texts, key+"="+metadata[key])
	}
	if len(texts) == 0 {
		return "-"
	}
	return text.OneLine(strings.Join(texts, " "))
}
