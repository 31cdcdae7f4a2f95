package ops

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/runner"
)

// Tasks are the tasks of a program. *[runner.Manager] implements it.
type Tasks interface {
	// Tasks are the registered tasks, Progress is the progress of those that run.
	Tasks() []ergon.TaskConfig
	Progress() []runner.TaskProgress
	// The change is in force when they return nil.
	Pause(ctx context.Context, task string) error
	Resume(ctx context.Context, task string) error
	SetConcurrency(ctx context.Context, task string, n int) error
}

var _ Tasks = (*runner.Manager)(nil)

const (
	// watchedFor is how long successes are recorded after the last request of a viewer.
	watchedFor = 15 * time.Second
	// successesPerSecond is the maximum number of them.
	successesPerSecond = 50
	// tick is the interval of snapshots.
	tick = time.Second
)

// Desk serves the data and the actions of the JSON API and the console. Its methods are safe for concurrent use.
type Desk struct {
	settings Settings
	started  time.Time
	draining atomic.Bool
	lookedAt atomic.Int64 // last request of a viewer, in nanoseconds since the start; 0: never

	mu     sync.Mutex
	latest []runner.TaskProgress
	series map[string]*series
}

func newDesk(s Settings) *Desk {
	return &Desk{settings: s, started: time.Now(), series: map[string]*series{}}
}

// run takes a snapshot each second until end is closed.
func (d *Desk) run(end <-chan struct{}) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		d.look(time.Now())
		select {
		case <-ticker.C:
		case <-end:
			d.settings.Recorder.Watch(0)
			return
		}
	}
}

// look takes a snapshot of each task.
func (d *Desk) look(now time.Time) {
	allowed := 0
	if at := d.lookedAt.Load(); at != 0 && now.Sub(d.started)-time.Duration(at) < watchedFor {
		allowed = successesPerSecond
	}
	d.settings.Recorder.Watch(allowed)
	progress := d.settings.Tasks.Progress()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.latest = progress
	for i := range progress {
		s := d.series[progress[i].Task]
		if s == nil {
			s = &series{}
			d.series[progress[i].Task] = s
		}
		s.add(now, progress[i].Snapshot)
	}
}

// Watch reports a viewer: for a while, successes are recorded as well.
func (d *Desk) Watch() {
	first := d.lookedAt.Swap(max(int64(time.Since(d.started)), 1)) == 0
	if first {
		d.settings.Recorder.Watch(successesPerSecond)
	}
}

// Drain reports that the program shuts down: it is no longer ready.
func (d *Desk) Drain() { d.draining.Store(true) }

// Transactions returns the recorded transactions that match, the latest first.
func (d *Desk) Transactions(q observe.Query) []observe.Transaction {
	return d.settings.Recorder.Recent(q)
}

// Transaction is a recorded one, if it is still kept.
func (d *Desk) Transaction(seq uint64) (observe.Transaction, bool) {
	return d.settings.Recorder.Find(seq)
}

// ShowsPayloads reports whether the configuration allows payloads to be shown.
func (d *Desk) ShowsPayloads() bool { return d.settings.Config.Payloads }

// NeedsToken reports whether changes require the token.
func (d *Desk) NeedsToken() bool { return d.settings.Config.Token != "" }

// Configuration is the configuration in force as YAML, without secrets; only the part of one task if task is not "".
func (d *Desk) Configuration(task string) (string, error) {
	if d.settings.Configuration == nil {
		return "", nil
	}
	return d.settings.Configuration(task)
}

// task is the configuration of a task.
func (d *Desk) task(name string) (ergon.TaskConfig, bool) {
	for _, t := range d.settings.Tasks.Tasks() {
		if t.Name == name {
			return t, true
		}
	}
	return ergon.TaskConfig{}, false
}

// progress is the progress at the last snapshot.
func (d *Desk) progress() []runner.TaskProgress {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.latest
}
