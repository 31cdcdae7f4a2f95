package ops

import (
	"context"
	"errors"
	"net/http"

	"github.com/ergon-go/ergon/runner"
)

// Pause has a task fetch nothing more until it is resumed; what it has fetched is finished.
func (d *Desk) Pause(ctx context.Context, task string) error {
	return d.changed(task, "change", "paused", d.settings.Tasks.Pause(ctx, task))
}

// Resume has a paused task go on.
func (d *Desk) Resume(ctx context.Context, task string) error {
	return d.changed(task, "change", "resume", d.settings.Tasks.Resume(ctx, task))
}

// SetConcurrency changes how many transactions each worker of a task runs at once, until the program ends.
func (d *Desk) SetConcurrency(ctx context.Context, task string, n int) error {
	return d.changed(task, "concurrency", n, d.settings.Tasks.SetConcurrency(ctx, task, n))
}

// changed logs a change with its value under key, and returns err as its asker is to see it.
func (d *Desk) changed(task, key string, value any, err error) error {
	switch {
	case err == nil:
		d.settings.Logger.Info("an operator has changed how a task runs", "task", task, key, value)
		d.refresh()
	case errors.Is(err, runner.ErrUnconfirmed):
		d.settings.Logger.Warn("a change of how a task runs is not confirmed", "task", task, key, value, "error", err)
		d.refresh()
	}
	return refused(err)
}

// refresh has what is shown next be what has just been changed.
func (d *Desk) refresh() {
	progress := d.settings.Tasks.Progress()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.latest = progress
}

// refused says whose error it is.
func refused(err error) error {
	if err == nil {
		return nil
	}
	if _, unknown := errors.AsType[*runner.UnknownTaskError](err); unknown {
		return refusal(http.StatusNotFound, "%v", err)
	}
	if errors.Is(err, runner.ErrUnconfirmed) {
		return refusal(http.StatusGatewayTimeout, "%v", err)
	}
	if errors.Is(err, runner.ErrUsage) {
		return refusal(http.StatusConflict, "%v", err)
	}
	return err
}
