package app

import (
	"context"
	"strings"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/ops"
)

// operatedLetters are the dead letters that operators work with, by the ways of the command line: each call opens the store
// beside the task that may be writing into it.
type operatedLetters struct{ *session }

var _ ops.Letters = (*operatedLetters)(nil)

func (l *operatedLetters) Tasks() []string {
	var names []string
	for _, at := range stores(l.session) {
		names = append(names, at.task.Name)
	}
	return names
}

// in opens the store of a task.
func (l *operatedLetters) in(ctx context.Context, task string, use func(context.Context, deadletter.Store) error) error {
	cfg, err := l.config.task(task)
	if err != nil {
		return err
	}
	at, err := placeIn(cfg, deadLetters(cfg))
	if err != nil {
		return err
	}
	return within(ctx, l.session, at, use)
}

func (l *operatedLetters) Groups(
	ctx context.Context, task string, filter deadletter.Filter,
) (groups []deadletter.Group, err error) {
	err = l.in(ctx, task, func(ctx context.Context, store deadletter.Store) error {
		found, err := store.GroupDeadLetters(ctx, filter)
		groups = found
		return err
	})
	return groups, err
}

func (l *operatedLetters) List(
	ctx context.Context, task string, filter deadletter.Filter, page deadletter.Page,
) (letters []deadletter.Letter, err error) {
	err = l.in(ctx, task, func(ctx context.Context, store deadletter.Store) error {
		found, err := store.ListDeadLetters(ctx, filter, page)
		letters = found
		return err
	})
	return letters, err
}

func (l *operatedLetters) Retry(ctx context.Context, task string, filter deadletter.Filter) (ops.Retried, error) {
	var report retryReport
	err := l.in(ctx, task, func(ctx context.Context, store deadletter.Store) error {
		return retry(ctx, l.session, store, filter, &report)
	})
	done := ops.Retried{Retried: report.GivenBack + report.Dispatched}
	var reasons []string
	for _, left := range report.Left {
		done.Left += left.Count
		reasons = append(reasons, left.Reason)
	}
	done.Reason = strings.Join(reasons, "; ")
	return done, err
}

func (l *operatedLetters) Drop(ctx context.Context, task string, filter deadletter.Filter) (dropped int64, err error) {
	err = l.in(ctx, task, func(ctx context.Context, store deadletter.Store) error {
		n, err := store.DropDeadLetters(ctx, filter)
		dropped = n
		return err
	})
	return dropped, err
}
