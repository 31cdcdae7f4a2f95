package ops

import (
	"context"
	"net/http"
	"slices"

	"github.com/ergon-go/ergon/deadletter"
)

// Letters are the dead letters of tasks. All methods are safe for concurrent use, and may take as long as their context.
type Letters interface {
	// Tasks are those whose dead letters can be looked into.
	Tasks() []string
	// Groups and List are as those of a [deadletter.Store], of one task.
	Groups(ctx context.Context, task string, filter deadletter.Filter) ([]deadletter.Group, error)
	List(ctx context.Context, task string, filter deadletter.Filter, page deadletter.Page) ([]deadletter.Letter, error)
	// Retry gives those that match back to where they came from.
	Retry(ctx context.Context, task string, filter deadletter.Filter) (Retried, error)
	// Drop removes those that match for good and returns how many.
	Drop(ctx context.Context, task string, filter deadletter.Filter) (int64, error)
}

// Retried is what became of dead letters that were to be given back.
type Retried struct {
	Retried int64 `json:"retried"`
	// Left is how many stay, Reason why.
	Left   int64  `json:"left"`
	Reason string `json:"reason,omitempty"`
}

// LetterTasks are the tasks whose dead letters can be looked into.
func (d *Desk) LetterTasks() []string {
	if d.settings.Letters == nil {
		return nil
	}
	return d.settings.Letters.Tasks()
}

// letters is where a task's dead letters are.
func (d *Desk) letters(task string) (Letters, error) {
	if !slices.Contains(d.LetterTasks(), task) {
		return nil, refusal(http.StatusNotFound, "task %q has no store of dead letters that can be looked into; tasks that have: %q",
			task, d.LetterTasks())
	}
	return d.settings.Letters, nil
}

// LetterGroups counts a task's dead letters by what they look like.
func (d *Desk) LetterGroups(ctx context.Context, task string, filter deadletter.Filter) ([]deadletter.Group, error) {
	letters, err := d.letters(task)
	if err != nil {
		return nil, err
	}
	filter.Task = task
	return letters.Groups(ctx, task, filter)
}

// ListLetters returns a task's dead letters, the latest first; without payloads, unless the configuration allows them.
func (d *Desk) ListLetters(
	ctx context.Context, task string, filter deadletter.Filter, page deadletter.Page,
) ([]deadletter.Letter, error) {
	letters, err := d.letters(task)
	if err != nil {
		return nil, err
	}
	filter.Task = task
	all, err := letters.List(ctx, task, filter, page)
	if !d.ShowsPayloads() {
		for i := range all {
			all[i].Payload = nil
		}
	}
	return all, err
}

// RetryLetters gives a task's dead letters that match back to where they came from.
func (d *Desk) RetryLetters(ctx context.Context, task string, filter deadletter.Filter) (Retried, error) {
	letters, err := d.letters(task)
	if err != nil {
		return Retried{}, err
	}
	filter.Task = task
	done, err := letters.Retry(ctx, task, filter)
	d.settings.Logger.InfoContext(ctx, "dead letters retried by an operator", "task", task, "retried", done.Retried, "left", done.Left)
	return done, err
}

// DropLetters removes a task's dead letters that match for good.
func (d *Desk) DropLetters(ctx context.Context, task string, filter deadletter.Filter) (int64, error) {
	letters, err := d.letters(task)
	if err != nil {
		return 0, err
	}
	filter.Task = task
	n, err := letters.Drop(ctx, task, filter)
	d.settings.Logger.InfoContext(ctx, "dead letters dropped by an operator", "task", task, "dropped", n)
	return n, err
}
