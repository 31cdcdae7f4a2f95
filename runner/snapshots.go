package runner

import (
	"cmp"
	"maps"

	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// consecutive merges the snapshots of two loops that ran one after the other.
func consecutive(earlier, later Snapshot) Snapshot {
	s := concurrent(earlier, later)
	s.Elapsed = earlier.Elapsed + later.Elapsed
	return s
}

// concurrent merges the snapshots of two loops that run at the same time.
func concurrent(a, b Snapshot) Snapshot {
	merged := Snapshot{
		Fetched: a.Fetched + b.Fetched, Produced: a.Produced + b.Produced, Started: a.Started + b.Started,
		Duplicates: a.Duplicates + b.Duplicates, Conflicts: a.Conflicts + b.Conflicts, Diverged: a.Diverged + b.Diverged,
		Returning: a.Returning + b.Returning, Retries: a.Retries + b.Retries, Timeouts: a.Timeouts + b.Timeouts, Late: a.Late + b.Late,
		InFlight: a.InFlight + b.InFlight, Unsettled: a.Unsettled + b.Unsettled, Abandoned: a.Abandoned + b.Abandoned,
		Waiting:     a.Waiting + b.Waiting,
		Concurrency: a.Concurrency + b.Concurrency, Outage: a.Outage || b.Outage, Paused: a.Paused || b.Paused,
		Unwritten: a.Unwritten + b.Unwritten, UnwrittenID: cmp.Or(a.UnwrittenID, b.UnwrittenID),
		Elapsed:  max(a.Elapsed, b.Elapsed),
		Outcomes: map[pipeline.Outcome]int64{}, Phases: map[policy.Phase]pipeline.PhaseStats{},
	}
	maps.Copy(merged.Outcomes, a.Outcomes)
	for o, n := range b.Outcomes {
		merged.Outcomes[o] += n
	}
	for _, active := range []map[policy.Phase]int64{a.Active, b.Active} {
		for phase, n := range active {
			if merged.Active == nil {
				merged.Active = map[policy.Phase]int64{}
			}
			merged.Active[phase] += n
		}
	}
	maps.Copy(merged.Phases, a.Phases)
	for phase, stats := range b.Phases {
		merged.Phases[phase] = merged.Phases[phase].Plus(stats)
	}
	return merged
}

// withSettled adds to the last snapshot of a process that died the outcomes that it reported after it. Their durations are lost.
func withSettled(s Snapshot, settled map[pipeline.Outcome]int64) Snapshot {
	merged := concurrent(s, Snapshot{})
	for o, n := range settled {
		merged.Outcomes[o] = max(merged.Outcomes[o], n)
	}
	ended := merged.Ended()
	merged.Started, merged.Fetched = max(merged.Started, ended), max(merged.Fetched, ended)
	return merged
}

// finished is the snapshot of a loop that has ended, without the values that describe a running loop.
func finished(s Snapshot) Snapshot {
	s.InFlight, s.Unsettled, s.Returning, s.Waiting, s.Concurrency, s.Outage, s.Paused, s.Active = 0, 0, 0, 0, 0, false, false, nil
	s.Unwritten, s.UnwrittenID = 0, ""
	return s
}
