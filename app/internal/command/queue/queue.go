// Package queue is the commands below queue.
package queue

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/humanize"
)

// Command are the commands below queue.
type Command struct {
	Out      *output.Printer
	Configs  *configuration.Loader
	Sessions *session.Opener
}

// Cobra is the command.
func (q *Command) Cobra() *cobra.Command {
	parent := &cobra.Command{
		Use: "queue", Short: "Inspect the queues of tasks without changing them", GroupID: command.GroupQueue,
		Args: usage.OnlyCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	parent.AddCommand(q.statsCommand(), q.peekCommand())
	return parent
}

func (q *Command) statsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "stats [task|task/connector]...", Short: "Count the transactions of queues by state",
		Long: "Count the transactions of queues by state. Without arguments: the sources of all tasks that can be inspected.",
		Args: cobra.ArbitraryArgs, ValidArgsFunction: q.Configs.CompletePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return q.Sessions.Run(c.Context(), func(ctx context.Context, s *session.Session) error { return q.stats(ctx, s, args) })
		},
	}
}

type shownQueue struct {
	Connector string `json:"connector"`
	capability.QueueStats
}

func (q *Command) stats(ctx context.Context, s *session.Session, names []string) error {
	queues, err := queues(s, names)
	if err != nil {
		return err
	}
	shown := []shownQueue{}
	var faults []error
	for _, at := range queues {
		if err := session.With(ctx, s, at, func(ctx context.Context, queue capability.Inspector) error {
			stats, err := queue.InspectQueue(ctx)
			shown = append(shown, shownQueue{at.String(), stats})
			return err
		}); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", at, err))
		}
	}
	return errors.Join(q.printStats(shown), errors.Join(faults...))
}

// queues are the connectors of those names; without names, all sources that can be inspected.
func queues(s *session.Session, names []string) ([]configuration.ConnectorRef, error) {
	var queues []configuration.ConnectorRef
	for _, name := range names {
		at, err := s.Config.Find(name, configuration.Source)
		if err == nil {
			_, err = session.Make[capability.Inspector](s, at)
		}
		if err != nil {
			return nil, err
		}
		queues = append(queues, at)
	}
	if len(names) > 0 {
		return queues, nil
	}
	for _, task := range s.Config.Tasks {
		at, err := configuration.RefTo(task, configuration.Source(task))
		if err != nil {
			continue
		}
		if _, err := session.Make[capability.Inspector](s, at); err == nil {
			queues = append(queues, at)
		}
	}
	if len(queues) == 0 {
		return nil, usage.Errorf("no task has a source that can be inspected; %s", s.TypesThatCan(reflect.TypeFor[capability.Inspector]()))
	}
	return queues, nil
}

func (q *Command) printStats(queues []shownQueue) error {
	if q.Out.JSON() {
		return q.Out.PrintJSON(map[string]any{"queues": queues})
	}
	rows := [][]table.Cell{q.Out.Heading("QUEUE", "READY", "DELAYED", "CLAIMED", "SETTLED", "OLDEST")}
	for _, queue := range queues {
		oldest := "-"
		if !queue.OldestReadyAt.IsZero() {
			oldest = humanize.WholeSeconds(max(time.Since(queue.OldestReadyAt), 0))
		}
		rows = append(rows, table.Row(
			queue.Connector, humanize.Count(queue.Ready), humanize.Count(queue.Delayed), humanize.Count(queue.Claimed),
			humanize.Count(queue.Settled), oldest,
		))
	}
	for _, row := range rows {
		for i := range row[1:] {
			row[i+1].Right = true
		}
	}
	return q.Out.Print(table.Format("", rows))
}
