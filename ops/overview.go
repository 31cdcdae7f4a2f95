package ops

import (
	"os"
	"slices"
	"time"

	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// Overview is the state of a program.
type Overview struct {
	Service string    `json:"service"`
	Version string    `json:"version,omitempty"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started_at"`
	// State is running, draining (shutting down), stalled (a loop stands still), outage, paused (all tasks are) or starting.
	State string     `json:"state"`
	Now   Figures    `json:"now"`
	Tasks []TaskView `json:"tasks"`
}

const stateStarting = "starting"

// Figures are the current figures: rates over the last ten seconds, latencies over the last minute.
type Figures struct {
	PerSecond       float64       `json:"per_second"`
	FailedPerSecond float64       `json:"failed_per_second"`
	InFlight        int64         `json:"in_flight"`
	Concurrency     int           `json:"concurrency"`
	P50             time.Duration `json:"p50_ns"`
	P95             time.Duration `json:"p95_ns"`
	P99             time.Duration `json:"p99_ns"`
}

// TaskView is the state of a task.
type TaskView struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// State is starting, running, paused, outage, stalled, or ended.
	State string  `json:"state"`
	Now   Figures `json:"now"`
	// Total is how many transactions there were to do at the start; -1 where that is not known.
	Total int64 `json:"total"`
	// Outcomes counts the transactions that ended.
	Outcomes  map[string]int64 `json:"outcomes"`
	Succeeded int64            `json:"succeeded"`
	Failed    int64            `json:"failed"`
	Fetched   int64            `json:"fetched"`
	Started   int64            `json:"started"`
	Produced  int64            `json:"produced,omitempty"`
	// Duplicates, Conflicts and Diverged count what was sent and known already: with the same content, with other content and
	// not stored, and outputs that came out differently and were stored as well.
	Duplicates int64 `json:"duplicates,omitempty"`
	Conflicts  int64 `json:"conflicts,omitempty"`
	Diverged   int64 `json:"diverged,omitempty"`
	Unsettled  int64 `json:"unsettled"`
	Retries    int64 `json:"retries"`
	Timeouts   int64 `json:"timeouts"`
	Late       int64 `json:"late"`
	// Abandoned is how many handlers run that were given up; Headroom is how many each worker bears.
	Abandoned int64 `json:"abandoned"`
	Headroom  int   `json:"headroom"`
	Paused    bool  `json:"paused"`
	Outage    bool  `json:"outage"`
	// Adapts is set where the concurrency adapts, so that it cannot be set; Each is that of one worker.
	Adapts  bool                   `json:"adapts"`
	Each    int                    `json:"concurrency_each"`
	Active  map[policy.Phase]int64 `json:"active"`
	Phases  []PhaseView            `json:"phases"`
	Workers []WorkerView           `json:"workers"`
}

// PhaseView has the durations of the attempts of a phase since the start.
type PhaseView struct {
	Phase policy.Phase  `json:"phase"`
	Count int64         `json:"count"`
	P50   time.Duration `json:"p50_ns"`
	P99   time.Duration `json:"p99_ns"`
	Max   time.Duration `json:"max_ns"`
}

// WorkerView is the state of a worker.
type WorkerView struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Stalled string `json:"stalled,omitempty"`
	// Unhealthy are its connectors and services that cannot be used at the moment, each with the reason.
	Unhealthy []string `json:"unhealthy,omitempty"`
	PID       int      `json:"pid"` // that of the program where it has no process of its own
	Own       bool     `json:"own_process"`
	Restarts  int      `json:"restarts"`
	// Heartbeat is how long ago its process gave a sign of life; 0 where it has none of its own.
	Heartbeat   time.Duration `json:"heartbeat_ago_ns,omitempty"`
	InFlight    int64         `json:"in_flight"`
	Concurrency int           `json:"concurrency"`
	Ended       int64         `json:"ended"`
}

// Overview returns the current state of the program.
func (b *Backend) Overview() Overview {
	o := Overview{
		Service: b.settings.Service, Version: b.settings.Version, PID: os.Getpid(), Started: b.started, Tasks: []TaskView{},
	}
	var all []runner.Bucket
	for _, p := range b.progress() {
		t, latencies := b.view(p)
		o.Tasks = append(o.Tasks, t)
		o.Now.PerSecond += t.Now.PerSecond
		o.Now.FailedPerSecond += t.Now.FailedPerSecond
		o.Now.InFlight += t.Now.InFlight
		o.Now.Concurrency += t.Now.Concurrency
		all = runner.PhaseStats{Buckets: all}.Plus(runner.PhaseStats{Buckets: latencies}).Buckets
	}
	o.Now.latencies(all)
	o.State = b.state(o.Tasks)
	return o
}

// Task returns the current state of a task, also of one that has not started yet. It returns false if there is no task with that
// name.
func (b *Backend) Task(name string) (TaskView, bool) {
	for _, p := range b.progress() {
		if p.Task == name {
			t, _ := b.view(p)
			return t, true
		}
	}
	if _, known := b.task(name); known {
		t, _ := b.view(runner.TaskProgress{Task: name, Total: -1})
		t.State = stateStarting
		return t, true
	}
	return TaskView{}, false
}

// Series returns the last part of a task's history, at most an hour. If name is "", it is the history of all tasks together.
func (b *Backend) Series(name string, window time.Duration) []Point {
	b.mu.Lock()
	defer b.mu.Unlock()
	if name != "" {
		if s := b.series[name]; s != nil {
			return s.window(window)
		}
		return nil
	}
	var all []Point
	for _, s := range b.series {
		all = plus(all, s.window(window))
	}
	return all
}

// plus adds up what ended at the same time, counted from the end.
func plus(a, b []Point) []Point {
	if len(a) < len(b) {
		a, b = b, a
	}
	sum := slices.Clone(a)
	for i := range b {
		at, p := &sum[len(a)-len(b)+i], b[i]
		at.Succeeded += p.Succeeded
		at.Failed += p.Failed
		at.Other += p.Other
		at.InFlight += p.InFlight
		at.P50, at.P99 = max(at.P50, p.P50), max(at.P99, p.P99)
	}
	return sum
}

// state is the worst of all tasks.
func (b *Backend) state(tasks []TaskView) string {
	if b.draining.Load() {
		return "draining"
	}
	for _, state := range []string{"stalled", "outage", stateStarting} {
		if slices.ContainsFunc(tasks, func(t TaskView) bool { return t.State == state }) {
			return state
		}
	}
	if len(tasks) == 0 {
		return stateStarting
	}
	for _, state := range []string{"paused", "ended"} {
		if !slices.ContainsFunc(tasks, func(t TaskView) bool { return t.State != state }) {
			return state
		}
	}
	return "running"
}

func (f *Figures) latencies(buckets []runner.Bucket) {
	f.P50, f.P95, f.P99 = percentile(buckets, 50), percentile(buckets, 95), percentile(buckets, 99)
}
