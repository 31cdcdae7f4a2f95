// Package requeue sends dead letters back to the queue or the source that they came from.
package requeue

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/deadletter"
)

// Report is what became of letters.
type Report struct {
	Moved      int64  `json:"moved"`      // by the store, to a queue of its own
	Dispatched int64  `json:"dispatched"` // to the source of their task
	Left       []Left `json:"left"`
}

// Left are those of a task that stay.
type Left struct {
	Task   string `json:"task"`
	Count  int64  `json:"count"`
	Reason string `json:"reason"`
}

// Retry has the store give back what it can, and sends the rest to where it came from.
func Retry(ctx context.Context, s *session.Session, store deadletter.Store, filter deadletter.Filter, report *Report) error {
	var err error
	if report.Moved, err = store.RetryDeadLetters(ctx, filter); err != nil {
		return err
	}
	return toSources(ctx, s, store, filter, nil, report)
}

// toSources sends the letters that match to the sources of their tasks.
func toSources(
	ctx context.Context, s *session.Session, store deadletter.Store, filter deadletter.Filter, edit *deadletters.Edit, report *Report,
) error {
	groups, err := store.GroupDeadLetters(ctx, filter)
	if err != nil {
		return err
	}
	var tasks []string // in the order in which they were seen
	counts := map[string]int64{}
	for _, g := range groups {
		if counts[g.Task] == 0 {
			tasks = append(tasks, g.Task)
		}
		counts[g.Task] += g.Count
	}
	for _, task := range tasks {
		filter.Task = task
		n, err := toSource(ctx, s, store, filter, edit)
		report.Dispatched += n
		if _, cannot := errors.AsType[*usage.Error](err); cannot {
			report.Left = append(report.Left, Left{task, counts[task] - n, err.Error()})
		} else if err != nil {
			return fmt.Errorf("retry dead letters of task %s: %w", task, err)
		}
	}
	return nil
}

// RetryEdited gives one letter back with another payload, by the ways of retry.
func RetryEdited(
	ctx context.Context, s *session.Session, store deadletter.Store, filter deadletter.Filter, edit *deadletters.Edit, report *Report,
) error {
	letters, err := store.ListDeadLetters(ctx, filter, deadletter.Page{Limit: 1})
	if err != nil || len(letters) == 0 {
		return err
	}
	letter := letters[0]
	if err := edit.Fits(letter); err != nil {
		return err
	}
	editor, edits := store.(deadletter.Editor)
	if !edits || letter.Queue == "" {
		return toSources(ctx, s, store, filter, edit, report)
	}
	arrived, err := editor.EditDeadLetter(ctx, letter.Key, edit.Payload)
	switch {
	case err != nil:
		return err
	case arrived:
		report.Moved++
	default:
		report.Left = append(report.Left, Left{letter.Task, 1, "its queue has stored the same transaction with other content before"})
	}
	return nil
}
