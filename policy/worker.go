package policy

import "time"

// Workers is how many workers a task has, each with its own connectors, services and loop.
type Workers struct {
	// Count is the number of workers. At least 1. Default 1.
	Count int `yaml:"count"`
}

// DefaultWorkers is one worker.
func DefaultWorkers() Workers { return Workers{Count: 1} }

// Validate reports every fault of w, each a *Fault.
func (w Workers) Validate() error {
	var f faults
	f.atLeast("count", w.Count, 1, "nothing would run")
	return f.join()
}

// Shutdown is the ladder that a stop climbs down: stop fetching, drain, cancel, abandon.
type Shutdown struct {
	// Grace is how long what is in flight may go on after fetching stopped. Default 25s.
	Grace time.Duration `yaml:"grace"`
	// Force is how long a handler has to return after its context was cancelled. Default 5s.
	Force time.Duration `yaml:"force"`
}

// DefaultShutdown is done within 30 seconds where handlers heed their contexts. Where everything hangs, giving up, closing and
// flushing take up to 15 more: set terminationGracePeriodSeconds to 45.
func DefaultShutdown() Shutdown { return Shutdown{Grace: 25 * time.Second, Force: 5 * time.Second} }

// Validate reports every fault of s, each a *Fault.
func (s Shutdown) Validate() error {
	var f faults
	f.notNegative("grace", s.Grace)
	f.notNegative("force", s.Force)
	return f.join()
}
