package runner

import "time"

// Summary is the result of a Run.
type Summary struct {
	// Tasks are the tasks that ran, in the order of their registration; by [Manager.RunInOrder], in the order of their runs.
	Tasks []TaskSummary
}

// TaskSummary is the result of one task.
type TaskSummary struct {
	Name string
	// Snapshot is merged over the task's workers and their restarts: counts are sums, and percentiles are over all attempts.
	Snapshot Snapshot
	// Each is the final state of each worker, in the order of their names.
	Each []WorkerProgress
	// Err is nil if the task came to its natural end.
	Err error
}

// Restarts returns how often workers of the task were restarted.
func (t TaskSummary) Restarts() int {
	n := 0
	for _, w := range t.Each {
		n += w.Restarts
	}
	return n
}

// TaskProgress is the state of a task.
type TaskProgress struct {
	Task string
	// Workers is how many workers the task has.
	Workers int
	// Each is the state of each worker, in the order of their names.
	Each []WorkerProgress
	// Snapshot is merged as in a TaskSummary.
	Snapshot Snapshot
	// Total is how many transactions the source had when the task started, at most loop.limit; -1 if the source cannot count
	// them.
	Total int64
}

// WorkerState is the state of a worker.
type WorkerState string

// The states of a worker.
const (
	// WorkerStarting opens its components.
	WorkerStarting WorkerState = "starting"
	// WorkerRunning runs its loop.
	WorkerRunning WorkerState = "running"
	// WorkerRestarting waits for its restart, or opens its components again, because its source failed or its process died.
	WorkerRestarting WorkerState = "restarting"
	// WorkerEnded has ended, naturally or with an error.
	WorkerEnded WorkerState = "ended"
	// WorkerGivenUp is not restarted any more, because too many of its runs in a row had no result.
	WorkerGivenUp WorkerState = "given_up"
)

// WorkerProgress is the state of one worker of a task.
type WorkerProgress struct {
	// Name is the task's name with a number, for instance "triage-1".
	Name  string
	State WorkerState
	// PID is the id of the worker's own process; 0 for a worker in this process, and while it has no process.
	PID int
	// Restarts is how often the worker was restarted.
	Restarts int
	// Heartbeat is the time of the last heartbeat of its process; zero for a worker in this process.
	Heartbeat time.Time
	// Stalled names the part of its loop that is stuck: "fetching", "settling" or "handlers"; "" for none.
	Stalled string
	// Unhealthy are its connectors and services that cannot be used at the moment.
	Unhealthy []Unhealthy
	// Snapshot is merged over its restarts.
	Snapshot Snapshot
}
