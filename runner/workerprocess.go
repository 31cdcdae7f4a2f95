package runner

import (
	"strings"

	"github.com/ergon-go/ergon/internal/reexec"
)

// WorkerProcess is what a process is that a [Manager] has started for workers.isolation: process.
type WorkerProcess struct {
	// Task and Worker are the names of the task that it runs, and of its worker.
	Task, Worker string
}

// InWorkerProcess returns what this process has been started for, and false in one that a user started. What a main does
// before [Manager.Run] it does in each worker process as well; this is how it tells what to leave out there, such as
// listening on a port. In Run the process takes up its work, and is no longer asked about.
func InWorkerProcess() (WorkerProcess, bool) {
	task, worker, ok := strings.Cut(reexec.Role(), "/")
	return WorkerProcess{Task: task, Worker: worker}, ok
}

// role is what a worker process is told that it is. Names have no slash.
func (w WorkerProcess) role() string { return w.Task + "/" + w.Worker }
