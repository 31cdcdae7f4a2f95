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

func (p *program) queueCommand() *cobra.Command {
	parent := &cobra.Command{
		Use: "queue", Short: "Look into the queues that tasks work on, without changing them", GroupID: groupQueue,
		Args: p.onlyCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	parent.AddCommand(p.queueStatsCommand(), p.queuePeekCommand())
	return parent
}

func (p *program) queueStatsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "stats [task|task/connector]...", Short: "Count what waits, runs and is done in queues",
		Long: "Count what waits, runs and is done in queues: the sources of all tasks that can be looked into, where none is named.",
		Args: cobra.ArbitraryArgs, ValidArgsFunction: p.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return p.inSession(c.Context(), func(ctx context.Context, s *session) error { return s.queueStats(ctx, args) })
		},
	}
}

type shownQueue struct {
	Connector string `json:"connector"`
	capability.QueueStats
}

func (s *session) queueStats(ctx context.Context, names []string) error {
	queues, err := s.queues(names)
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
	return errors.Join(s.printStats(shown), errors.Join(faults...))
}

// queues are the places of those names, or the sources that can be looked into.
func (s *session) queues(names []string) ([]place, error) {
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

func (p *program) printStats(queues []shownQueue) error {
	if p.json() {
		return p.printJSON(map[string]any{"queues": queues})
	}
	rows := [][]cell{p.heading("QUEUE", "READY", "DELAYED", "CLAIMED", "SETTLED", "OLDEST")}
	for _, q := range queues {
		oldest := "-"
		if !q.OldestReadyAt.IsZero() {
			oldest = humanize.WholeSeconds(max(time.Since(q.OldestReadyAt), 0))
		}
		rows = append(rows, cells(q.Connector, humanize.Count(q.Ready), humanize.Count(q.Delayed), humanize.Count(q.Claimed), humanize.Count(q.Settled), oldest))
	}
	for _, row := range rows {
		for i := range row[1:] {
			row[i+1].right = true
		}
	}
	return p.print(table("", rows))
}
