package ergon

import (
	"context"
	"log/slog"
	"time"
)

// kindTimeout bounds the making of a task that is only looked at.
const kindTimeout = time.Second

// Kind returns what the task is, as [Task.Kind] does, before any of its connectors and services is there: it calls New with
// nothing connected. "unknown" is a task that cannot be made like that, because it panics or does not return, "" one that is
// nothing at all.
func (c TaskConfig) Kind() string {
	if c.New == nil {
		return ""
	}
	task, failed := callWithin(context.Background(), kindTimeout, func(context.Context) (Task, error) {
		return c.New(NewDependencies(nil, nil, slog.New(slog.DiscardHandler))), nil
	}, nil)
	switch {
	case failed != nil:
		return "unknown"
	case task.Process == nil && task.Prepare == nil && task.Execute == nil:
		return ""
	default:
		return task.Kind()
	}
}
