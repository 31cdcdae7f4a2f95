package ops

import (
	"context"
	"net/http"
	"slices"

	"github.com/ergon-go/ergon/deadletter"
)

// DeadLetters are the dead letters of tasks. The methods must be safe for concurrent use and end when their context does.
type DeadLetters interface {
	// Tasks are the tasks with a store of dead letters.
	Tasks() []string
	// Groups and List are those of the [deadletter.Store] of a task.
	Groups(ctx context.Context, task string, filter deadletter.Filter) ([]deadletter.Group, error)
	List(ctx context.Context, task string, filter deadletter.Filter, page deadletter.Page) ([]deadletter.Letter, error)
	// Retry requeues the dead letters that match.
	Retry(ctx context.Context, task string, filter deadletter.Filter) (Retried, error)
	// Drop deletes the dead letters that match and returns their number.
	Drop(ctx context.Context, task string, filter deadletter.Filter) (int64, error)
}

// Retried is the result of requeueing dead letters.
type Retried struct {
	Retried int64 `json:"retried"`
	// Left is how many stay, for Reason.
	Left   int64  `json:"left"`
	Reason string `json:"reason,omitempty"`
}

// DeadLetterTasks are the tasks with a store of dead letters.
func (b *Backend) DeadLetterTasks() []string {
	if b.settings.DeadLetters == nil {
		return nil
	}
	return b.settings.DeadLetters.Tasks()
}

// letters is the store of a task's dead letters.
func (b *Backend) letters(task string) (DeadLetters, error) {
	if !slices.Contains(b.DeadLetterTasks(), task) {
		return nil, refusal(http.StatusNotFound, "the dead letters of task %q cannot be inspected; tasks with a store: %q",
			task, b.DeadLetterTasks())
	}
	return b.settings.DeadLetters, nil
}

// DeadLetterGroups counts the dead letters of a task by failure.
func (b *Backend) DeadLetterGroups(ctx context.Context, task string, filter deadletter.Filter) ([]deadletter.Group, error) {
	letters, err := b.letters(task)
	if err != nil {
		return nil, err
	}
	filter.Task = task
	return letters.Groups(ctx, task, filter)
}

// ListDeadLetters returns dead letters of a task, latest first. It leaves out payloads unless the configuration allows them.
func (b *Backend) ListDeadLetters(
	ctx context.Context, task string, filter deadletter.Filter, page deadletter.Page,
) ([]deadletter.Letter, error) {
	letters, err := b.letters(task)
	if err != nil {
		return nil, err
	}
	filter.Task = task
	all, err := letters.List(ctx, task, filter, page)
	if !b.ShowsPayloads() {
		for i := range all {
			all[i].Payload = nil
		}
	}
	return all, err
}

// RetryDeadLetters requeues the dead letters of a task that match.
func (b *Backend) RetryDeadLetters(ctx context.Context, task string, filter deadletter.Filter) (Retried, error) {
	letters, err := b.letters(task)
	if err != nil {
		return Retried{}, err
	}
	filter.Task = task
	done, err := letters.Retry(ctx, task, filter)
	b.settings.Logger.InfoContext(ctx, "an operator requeued dead letters", "task", task, "requeued", done.Retried, "left", done.Left)
	return done, err
}

// DropDeadLetters deletes the dead letters of a task that match.
func (b *Backend) DropDeadLetters(ctx context.Context, task string, filter deadletter.Filter) (int64, error) {
	letters, err := b.letters(task)
	if err != nil {
		return 0, err
	}
	filter.Task = task
	n, err := letters.Drop(ctx, task, filter)
	b.settings.Logger.InfoContext(ctx, "an operator dropped dead letters", "task", task, "dropped", n)
	return n, err
}
