package runner

import (
	"maps"

	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// following merges the snapshots of two loops, the second of which ran after the first.
func following(earlier, later Snapshot) Snapshot {
	s := sum(earlier, later)
	s.Elapsed = earlier.Elapsed + later.Elapsed
	return s
}

// sum merges the snapshots of two loops that run side by side.
func sum(a, b Snapshot) Snapshot {
	merged := Snapshot{
		Fetched: a.Fetched + b.Fetched, Produced: a.Produced + b.Produced, Started: a.Started + b.Started,
		Retries: a.Retries + b.Retries, Timeouts: a.Timeouts + b.Timeouts, Late: a.Late + b.Late,
		InFlight: a.InFlight + b.InFlight, Unsettled: a.Unsettled + b.Unsettled, Abandoned: a.Abandoned + b.Abandoned,
		Concurrency: a.Concurrency + b.Concurrency, Outage: a.Outage || b.Outage,
		Elapsed:  max(a.Elapsed, b.Elapsed),
		Outcomes: map[pipeline.Outcome]int64{}, Phases: map[policy.Phase]pipeline.PhaseStats{},
	}
	maps.Copy(merged.Outcomes, a.Outcomes)
	for o, n := range b.Outcomes {
		merged.Outcomes[o] += n
	}
	maps.Copy(merged.Phases, a.Phases)
	for phase, stats := range b.Phases {
		merged.Phases[phase] = merged.Phases[phase].Plus(stats)
	}
	return merged
}
