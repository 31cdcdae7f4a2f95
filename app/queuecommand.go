package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/humanize"
)

// queueCommands are the commands below queue.
type queueCommands struct {
	out      *printer
	configs  *loader
	sessions *sessions
}

func (q *queueCommands) command() *cobra.Command {
	parent := &cobra.Command{
		Use: "queue", Short: "Look into the queues that tasks work on, without changing them", GroupID: groupQueue,
		Args: onlyCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	parent.AddCommand(q.statsCommand(), q.peekCommand())
	return parent
}

func (q *queueCommands) statsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "stats [task|task/connector]...", Short: "Count what waits, runs and is done in queues",
		Long: "Count what waits, runs and is done in queues: the sources of all tasks that can be looked into, where none is named.",
		Args: cobra.ArbitraryArgs, ValidArgsFunction: q.configs.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return q.sessions.run(c.Context(), func(ctx context.Context, s *session) error { return q.stats(ctx, s, args) })
		},
	}
}

type shownQueue struct {
	Connector string `json:"connector"`
	capability.QueueStats
}

func (q *queueCommands) stats(ctx context.Context, s *session, names []string) error {
	queues, err := queues(s, names)
	if err != nil {
		return err
	}
	shown := []shownQueue{}
	var faults []error
	for _, at := range queues {
		if err := within(ctx, s, at, func(ctx context.Context, queue capability.Inspector) error {
			stats, err := queue.InspectQueue(ctx)
			shown = append(shown, shownQueue{at.String(), stats})
			return err
		}); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", at, err))
		}
	}
	return errors.Join(q.printStats(shown), errors.Join(faults...))
}

// queues are the places of those names, or the sources that can be looked into.
func queues(s *session, names []string) ([]place, error) {
	var queues []place
	for _, name := range names {
		at, err := s.config.at(name, source)
		if err == nil {
			_, err = capable[capability.Inspector](s, at)
		}
		if err != nil {
			return nil, err
		}
		queues = append(queues, at)
	}
	if len(names) > 0 {
		return queues, nil
	}
	for _, task := range s.config.Tasks {
		at, err := placeIn(task, source(task))
		if err != nil {
			continue
		}
		if _, err := capable[capability.Inspector](s, at); err == nil {
			queues = append(queues, at)
		}
	}
	if len(queues) == 0 {
		return nil, usagef("no task has a source that can be looked into; %s", s.typesThatCan(reflect.TypeFor[capability.Inspector]()))
	}
	return queues, nil
}

func (q *queueCommands) printStats(queues []shownQueue) error {
	if q.out.json() {
		return q.out.printJSON(map[string]any{"queues": queues})
	}
	rows := [][]cell{q.out.heading("QUEUE", "READY", "DELAYED", "CLAIMED", "SETTLED", "OLDEST")}
	for _, queue := range queues {
		oldest := "-"
		if !queue.OldestReadyAt.IsZero() {
			oldest = humanize.WholeSeconds(max(time.Since(queue.OldestReadyAt), 0))
		}
		rows = append(rows, cells(
			queue.Connector, humanize.Count(queue.Ready), humanize.Count(queue.Delayed), humanize.Count(queue.Claimed),
			humanize.Count(queue.Settled), oldest,
		))
	}
	for _, row := range rows {
		for i := range row[1:] {
			row[i+1].right = true
		}
	}
	return q.out.print(table("", rows))
}
