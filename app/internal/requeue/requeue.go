// Package requeue sends dead letters back to the queue or the source that they came from.
package requeue

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// Report is the result of requeueing dead letters.
type Report struct {
	Moved      int64  `json:"moved"`      // to a queue in the same store
	Dispatched int64  `json:"dispatched"` // to the source of their task
	Left       []Left `json:"left"`
}

// Left are dead letters of a task that stay.
type Left struct {
	Task   string `json:"task"`
	Count  int64  `json:"count"`
	Reason string `json:"reason"`
}

// Retry moves dead letters to queues in the same store, and dispatches the others to the sources of their tasks.
func Retry(ctx context.Context, s *session.Session, store deadletter.Store, filter deadletter.Filter, report *Report) error {
	var err error
	if report.Moved, err = store.RetryDeadLetters(ctx, filter); err != nil {
		return err
	}
	return toSources(ctx, s, store, filter, nil, report)
}

// toSources dispatches dead letters to the sources of their tasks.
func toSources(
	ctx context.Context, s *session.Session, store deadletter.Store, filter deadletter.Filter, edit *deadletters.Edit, report *Report,
) error {
	groups, err := store.GroupDeadLetters(ctx, filter)
	if err != nil {
		return err
	}
	var tasks []string // in order of appearance
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

// RetryEdited requeues one dead letter with another payload, in the same way as Retry.
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
	editor, edits := capability.As[deadletter.Editor](store)
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
