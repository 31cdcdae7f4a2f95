package runner

import "time"

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
