package operate

import (
	"context"
	"strings"

	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/requeue"
	"github.com/ergon-go/ergon/app/internal/selection"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/ops"
)

// deadLetters serves dead letters to operators as the command line does: each call opens the store, while the task may write to it.
type deadLetters struct{ *session.Session }

var _ ops.DeadLetters = (*deadLetters)(nil)

func (l *deadLetters) Tasks() []string {
	var names []string
	for _, at := range selection.Stores(l.Session) {
		names = append(names, at.Task.Name)
	}
	return names
}

// in opens the store of a task.
func (l *deadLetters) in(ctx context.Context, task string, use func(context.Context, deadletter.Store) error) error {
	cfg, err := l.Config.Task(task)
	if err != nil {
		return err
	}
	at, err := configuration.RefTo(cfg, configuration.DeadLetters(cfg))
	if err != nil {
		return err
	}
	return session.With(ctx, l.Session, at, use)
}

func (l *deadLetters) Groups(
	ctx context.Context, task string, filter deadletter.Filter,
) (groups []deadletter.Group, err error) {
	err = l.in(ctx, task, func(ctx context.Context, store deadletter.Store) error {
		found, err := store.GroupDeadLetters(ctx, filter)
		groups = found
		return err
	})
	return groups, err
}

func (l *deadLetters) List(
	ctx context.Context, task string, filter deadletter.Filter, page deadletter.Page,
) (letters []deadletter.Letter, err error) {
	err = l.in(ctx, task, func(ctx context.Context, store deadletter.Store) error {
		found, err := store.ListDeadLetters(ctx, filter, page)
		letters = found
		return err
	})
	return letters, err
}

func (l *deadLetters) Retry(ctx context.Context, task string, filter deadletter.Filter) (ops.Retried, error) {
	var report requeue.Report
	err := l.in(ctx, task, func(ctx context.Context, store deadletter.Store) error {
		return requeue.Retry(ctx, l.Session, store, filter, &report)
	})
	done := ops.Retried{Retried: report.Moved + report.Dispatched}
	var reasons []string
	for _, left := range report.Left {
		done.Left += left.Count
		reasons = append(reasons, left.Reason)
	}
	done.Reason = strings.Join(reasons, "; ")
	return done, err
}

func (l *deadLetters) Drop(ctx context.Context, task string, filter deadletter.Filter) (dropped int64, err error) {
	err = l.in(ctx, task, func(ctx context.Context, store deadletter.Store) error {
		n, err := store.DropDeadLetters(ctx, filter)
		dropped = n
		return err
	})
	return dropped, err
}
