package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon/deadletter"
)

// retryReport is what became of letters.
type retryReport struct {
	GivenBack  int64         `json:"given_back"` // by the store, to a queue of its own
	Dispatched int64         `json:"dispatched"` // to the source of their task
	Left       []leftLetters `json:"left"`
}

// leftLetters are those of a task that stay.
type leftLetters struct {
	Task   string `json:"task"`
	Count  int64  `json:"count"`
	Reason string `json:"reason"`
}

// retry has the store give back what it can, and sends the rest to where it came from.
func retry(ctx context.Context, s *session, store deadletter.Store, filter deadletter.Filter, report *retryReport) error {
	var err error
	if report.GivenBack, err = store.RetryDeadLetters(ctx, filter); err != nil {
		return err
	}
	return sendTasks(ctx, s, store, filter, nil, report)
}

// sendTasks sends the letters that match to the sources of their tasks.
func sendTasks(
	ctx context.Context, s *session, store deadletter.Store, filter deadletter.Filter, edit *letterEdit, report *retryReport,
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
		n, err := sendBack(ctx, s, store, filter, edit)
		report.Dispatched += n
		if _, cannot := errors.AsType[*usageError](err); cannot {
			report.Left = append(report.Left, leftLetters{task, counts[task] - n, err.Error()})
		} else if err != nil {
			return fmt.Errorf("retry dead letters of task %s: %w", task, err)
		}
	}
	return nil
}

// retryEdited gives one letter back with another payload, by the ways of retry.
func retryEdited(
	ctx context.Context, s *session, store deadletter.Store, filter deadletter.Filter, edit *letterEdit, report *retryReport,
) error {
	letters, err := store.ListDeadLetters(ctx, filter, deadletter.Page{Limit: 1})
	if err != nil || len(letters) == 0 {
		return err
	}
	letter := letters[0]
	if err := edit.fits(letter); err != nil {
		return err
	}
	editor, edits := store.(deadletter.Editor)
	if !edits || letter.Queue == "" {
		return sendTasks(ctx, s, store, filter, edit, report)
	}
	arrived, err := editor.EditDeadLetter(ctx, letter.Key, edit.payload)
	switch {
	case err != nil:
		return err
	case arrived:
		report.GivenBack++
	default:
		report.Left = append(report.Left, leftLetters{letter.Task, 1, "its queue knows what was given back before with other content"})
	}
	return nil
}
