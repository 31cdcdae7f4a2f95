package ops

import (
	"context"
	"errors"
	"net/http"

	"github.com/ergon-go/ergon/runner"
)

// Pause stops a task from fetching until it is resumed. Transactions in flight are finished.
func (b *Backend) Pause(ctx context.Context, task string) error {
	return b.changed(task, "change", "paused", b.settings.Tasks.Pause(ctx, task))
}

// Resume lets a paused task fetch again.
func (b *Backend) Resume(ctx context.Context, task string) error {
	return b.changed(task, "change", "resume", b.settings.Tasks.Resume(ctx, task))
}

// SetConcurrency sets the concurrency of each worker of a task until the program ends.
func (b *Backend) SetConcurrency(ctx context.Context, task string, n int) error {
	return b.changed(task, "concurrency", n, b.settings.Tasks.SetConcurrency(ctx, task, n))
}

// changed logs a change with its value under key, and returns the error for the client.
func (b *Backend) changed(task, key string, value any, err error) error {
	switch {
	case err == nil:
		b.settings.Logger.Info("an operator changed a task", "task", task, key, value)
		b.refresh()
	case errors.Is(err, runner.ErrUnconfirmed):
		b.settings.Logger.Warn("an operator changed a task, but not all workers confirmed it", "task", task, key, value, "error", err)
		b.refresh()
	}
	return refused(err)
}

// refresh takes a snapshot now, so that the next answer shows the change.
func (b *Backend) refresh() {
	progress := b.settings.Tasks.Progress()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.latest = progress
}

// refused gives errors of the request their status.
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
