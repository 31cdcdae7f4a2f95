package runner

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
