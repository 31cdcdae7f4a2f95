package runner

import (
	"maps"
	"time"

	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

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
		merged.Phases[phase] = sumPhase(merged.Phases[phase], stats)
	}
	return merged
}

func sumPhase(a, b pipeline.PhaseStats) pipeline.PhaseStats {
	n := a.Count + b.Count
	if n == 0 {
		return a
	}
	mean := func(x, y time.Duration) time.Duration {
		return time.Duration((float64(x)*float64(a.Count) + float64(y)*float64(b.Count)) / float64(n))
	}
	return pipeline.PhaseStats{Count: n, P50: mean(a.P50, b.P50), P99: mean(a.P99, b.P99), Max: max(a.Max, b.Max)}
}
