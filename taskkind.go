package ergon

import (
	"context"
	"log/slog"
	"time"
)

// kindTimeout bounds the making of a task that is only looked at.
const kindTimeout = time.Second

// Kind returns the kind of the task, as [Task.Kind] does, before its connectors and services exist. It calls New without
// connectors and services, and waits up to a second for it. Kind returns "unknown" if New panics or does not return in time, and
// "" if the result has no function.
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
