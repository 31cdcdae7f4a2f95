package ops

import (
	"errors"
	"net/http"

	"github.com/ergon-go/ergon/runner"
)

// Pause has a task fetch nothing more until it is resumed; what it has fetched is finished.
func (d *Desk) Pause(task string) error {
	return d.changed(task, "paused", d.settings.Tasks.Pause(task))
}

// Resume has a paused task go on.
func (d *Desk) Resume(task string) error {
	return d.changed(task, "resume", d.settings.Tasks.Resume(task))
}

// SetConcurrency changes how many transactions each worker of a task runs at once, until the program ends.
func (d *Desk) SetConcurrency(task string, n int) error {
	err := d.settings.Tasks.SetConcurrency(task, n)
	if err == nil {
		d.settings.Logger.Info("an operator has changed how a task runs", "task", task, "concurrency", n)
		d.refresh()
	}
	return refused(err)
}

func (d *Desk) changed(task, how string, err error) error {
	if err == nil {
		d.settings.Logger.Info("an operator has changed how a task runs", "task", task, "change", how)
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
	if errors.Is(err, runner.ErrUsage) {
		return refusal(http.StatusConflict, "%v", err)
	}
	return err
}
