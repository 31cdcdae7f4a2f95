package policy

import "time"

// Isolation says whether the workers of a task share one process.
type Isolation string

const (
	// IsolationGoroutine runs all workers in one process. A crash ends them all.
	IsolationGoroutine Isolation = "goroutine"
	// IsolationProcess runs each worker in a separate process, which executes the same program. A crash ends one worker, and
	// a supervisor replaces it. It is not supported on Windows.
	IsolationProcess Isolation = "process"
)

// minHeartbeat is the shortest Workers.Heartbeat.
const minHeartbeat = time.Second

// Workers is how many workers a task has, each with its own connectors, services and loop.
type Workers struct {
	// Count is the number of workers. At least 1. Default 1.
	Count int `yaml:"count"`
	// Isolation is goroutine (default) or process.
	Isolation Isolation `yaml:"isolation"`
	// Heartbeat is the maximum time without a sign of progress from the loop of a worker process. After that the
	// process is killed and replaced. An empty source and a handler within its timeout count as progress. At least 1s.
	// Default 30s.
	Heartbeat time.Duration `yaml:"heartbeat"`
	// CrashLimit is how many consecutive processes of a worker may die without finishing a transaction before the
	// worker is given up. At least 1. Default 10.
	CrashLimit int `yaml:"crash_limit"`
}

// DefaultWorkers returns one worker, in the process itself.
func DefaultWorkers() Workers {
	return Workers{Count: 1, Isolation: IsolationGoroutine, Heartbeat: 30 * time.Second, CrashLimit: 10}
}

// Validate reports every fault of w, each a *Fault.
func (w Workers) Validate() error {
	var f faults
	f.atLeast("count", w.Count, 1, "nothing would run")
	oneOf(&f, "isolation", w.Isolation, IsolationGoroutine, IsolationProcess)
	if w.Heartbeat < minHeartbeat {
		f.addf("heartbeat", "is %s, must be at least %s (a busy machine is slow to give signs of life)", w.Heartbeat, minHeartbeat)
	}
	f.atLeast("crash_limit", w.CrashLimit, 1, "no process could ever be replaced")
	return f.join()
}

// Shutdown is the time limits of the steps of a shutdown: stop fetching, drain, cancel, abandon.
type Shutdown struct {
	// Grace is how long transactions in flight may continue after fetching stopped. Default 25s.
	Grace time.Duration `yaml:"grace"`
	// Force is how long a handler has to return after its context was cancelled. Default 5s.
	Force time.Duration `yaml:"force"`
}

// DefaultShutdown returns limits of 30 seconds together if handlers respect their contexts. If everything hangs, a shutdown
// takes up to 45 seconds (runner.ShutdownBound): set terminationGracePeriodSeconds to that.
func DefaultShutdown() Shutdown { return Shutdown{Grace: 25 * time.Second, Force: 5 * time.Second} }

// Validate reports every fault of s, each a *Fault.
func (s Shutdown) Validate() error {
	var f faults
	f.notNegative("grace", s.Grace)
	f.notNegative("force", s.Force)
	return f.join()
}
