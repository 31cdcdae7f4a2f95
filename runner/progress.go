package runner

import "time"

// Summary is what a Run came to.
type Summary struct {
	// Tasks are those that were run, in the order of their registration.
	Tasks []TaskSummary
}

// TaskSummary is what one task came to.
type TaskSummary struct {
	Name string
	// Snapshot is merged over the task's workers and their restarts: counts are added up, and percentiles are those of
	// everything that all of them did.
	Snapshot Snapshot
	// Each is where each of its workers has ended.
	Each []WorkerProgress
	// Err is why the task did not come to its natural end; nil where it did.
	Err error
}

// Restarts is how often its workers began anew, all together.
func (t TaskSummary) Restarts() int {
	n := 0
	for _, w := range t.Each {
		n += w.Restarts
	}
	return n
}

// TaskProgress is where a task is.
type TaskProgress struct {
	Task string
	// Workers is how many workers the task has.
	Workers int
	// Each is where each of them is, in the order of their names.
	Each []WorkerProgress
	// Snapshot is merged as in a TaskSummary.
	Snapshot Snapshot
	// Total is how many transactions there were to do when the task started, loop.limit considered; -1 where its source
	// cannot tell.
	Total int64
}

// WorkerState is what a worker does.
type WorkerState string

// The states of a worker.
const (
	// WorkerStarting opens what it needs.
	WorkerStarting WorkerState = "starting"
	// WorkerRunning runs its loop.
	WorkerRunning WorkerState = "running"
	// WorkerRestarting waits to begin anew, after its source failed or its process died.
	WorkerRestarting WorkerState = "restarting"
	// WorkerEnded has come to its end, natural or not.
	WorkerEnded WorkerState = "ended"
	// WorkerGivenUp began anew too often without coming to anything.
	WorkerGivenUp WorkerState = "given_up"
)

// WorkerProgress is where one worker of a task is.
type WorkerProgress struct {
	// Name is the task's name with a number.
	Name  string
	State WorkerState
	// PID is the process that it runs in, where it has one of its own; 0: this one, or none at the moment.
	PID int
	// Restarts is how often it began anew.
	Restarts int
	// Heartbeat is when its process last gave a sign that its loop turns; zero for a worker in this process.
	Heartbeat time.Time
	// Stalled names what of its loop stands still: "fetching", "settling" or "handlers"; "" while all of it turns.
	Stalled string
	// Snapshot is merged over its restarts.
	Snapshot Snapshot
}
