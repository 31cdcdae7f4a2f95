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

// Backend serves the data and the actions of the JSON API and the console. Its methods are safe for concurrent use.
type Backend struct {
	settings Settings
	started  time.Time
	draining atomic.Bool
	lastView atomic.Int64 // last request of a viewer, in nanoseconds since the start; 0: never

	mu     sync.Mutex
	latest []runner.TaskProgress
	series map[string]*series
}

func newBackend(s Settings) *Backend {
	return &Backend{settings: s, started: time.Now(), series: map[string]*series{}}
}

// run takes a snapshot each second until end is closed.
func (b *Backend) run(end <-chan struct{}) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		b.snapshot(time.Now())
		select {
		case <-ticker.C:
		case <-end:
			b.settings.Recorder.Watch(0)
			return
		}
	}
}

// snapshot takes a snapshot of each task.
func (b *Backend) snapshot(now time.Time) {
	allowed := 0
	if at := b.lastView.Load(); at != 0 && now.Sub(b.started)-time.Duration(at) < watchedFor {
		allowed = successesPerSecond
	}
	b.settings.Recorder.Watch(allowed)
	progress := b.settings.Tasks.Progress()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.latest = progress
	for i := range progress {
		s := b.series[progress[i].Task]
		if s == nil {
			s = &series{}
			b.series[progress[i].Task] = s
		}
		s.add(now, progress[i].Snapshot)
	}
}

// Watch reports a viewer: for a while, successes are recorded as well.
func (b *Backend) Watch() {
	first := b.lastView.Swap(max(int64(time.Since(b.started)), 1)) == 0
	if first {
		b.settings.Recorder.Watch(successesPerSecond)
	}
}

// Drain reports that the program shuts down: it is no longer ready.
func (b *Backend) Drain() { b.draining.Store(true) }

// Transactions returns the recorded transactions that match, the latest first.
func (b *Backend) Transactions(q observe.Query) []observe.Transaction {
	return b.settings.Recorder.Recent(q)
}

// Transaction is a recorded one, if it is still kept.
func (b *Backend) Transaction(seq uint64) (observe.Transaction, bool) {
	return b.settings.Recorder.Find(seq)
}

// ShowsPayloads reports whether the configuration allows payloads to be shown.
func (b *Backend) ShowsPayloads() bool { return b.settings.Config.Payloads }

// NeedsToken reports whether changes require the token.
func (b *Backend) NeedsToken() bool { return b.settings.Config.Token != "" }

// Configuration is the configuration in force as YAML, without secrets; only the part of one task if task is not "".
func (b *Backend) Configuration(task string) (string, error) {
	if b.settings.Configuration == nil {
		return "", nil
	}
	return b.settings.Configuration(task)
}

// task is the configuration of a task.
func (b *Backend) task(name string) (ergon.TaskConfig, bool) {
	for _, t := range b.settings.Tasks.Tasks() {
		if t.Name == name {
			return t, true
		}
	}
	return ergon.TaskConfig{}, false
}

// progress is the progress at the last snapshot.
func (b *Backend) progress() []runner.TaskProgress {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.latest
}
