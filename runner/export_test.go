package runner

import (
	"context"
	"os"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// WithoutJitter makes the delays between restarts exact.
func WithoutJitter(s Settings) Settings {
	s.jitter = func() float64 { return 0 }
	return s
}

// NamedLine is a line of a worker process as its supervisor passes it on.
func NamedLine(line, worker string) string { return string(namedLine([]byte(line), worker)) }

// Vitals judge whether a worker process lives.
type Vitals struct{ vitals }

// NewVitals are for a process that has not given a sign yet.
func NewVitals(heartbeat time.Duration) *Vitals { return &Vitals{newVitals(heartbeat)} }

// Sign notes a sign of life, Look whether it is time to kill the process; Every is the time between two looks.
func (v *Vitals) Sign()                { v.sign() }
func (v *Vitals) Look() bool           { return v.look() }
func (v *Vitals) Every() time.Duration { return v.every }

// Transported is err as it comes out of a worker process.
func Transported(err, cause error) []error {
	var errs []error
	for _, f := range failuresOf(err, cause) {
		errs = append(errs, f.error("triage"))
	}
	return errs
}

// Deaths returns the delays after the deaths of processes that lived like this, until the worker is given up.
func Deaths(limit int, lives ...Snapshot) (delays []time.Duration, givenUp bool) {
	r := newRestarts(func() float64 { return 0 })
	r.limit = limit
	for _, life := range lives {
		delay, again := r.afterDeath(life)
		if !again {
			return delays, true
		}
		delays = append(delays, delay)
	}
	return delays, false
}

// TreeBudgets are how long after the beginning of a shutdown, and after it was forced, a worker process is killed.
func TreeBudgets(p policy.Shutdown) (orderly, forced time.Duration) {
	return treeBudget(p), forcedBudget(p)
}

// WatchSignals does what signals mean.
func WatchSignals(signals <-chan os.Signal, stopped <-chan struct{}, end context.CancelCauseFunc, force func()) {
	watchSignals(signals, stopped, end, force)
}
