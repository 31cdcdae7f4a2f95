package pipeline

import (
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
)

// A loop reports in types of package observe, so that readers of the API see their fields.
type (
	// Snapshot is the state of a loop at one moment.
	Snapshot = observe.Snapshot
	// PhaseStats is the durations of the attempts of a phase.
	PhaseStats = observe.PhaseStats
	// Bucket counts durations.
	Bucket = observe.Bucket
	// Outcome is how a transaction ended.
	Outcome = observe.Outcome
)

// The outcomes.
const (
	Succeeded     = observe.Succeeded
	DeadLettered  = observe.DeadLettered
	Requeued      = observe.Requeued
	Discarded     = observe.Discarded
	HandlerFailed = observe.HandlerFailed
	Interrupted   = observe.Interrupted
	Redelivered   = observe.Redelivered
	Failed        = observe.Failed
)

func (s *loopStats) snapshot() Snapshot {
	snap := Snapshot{
		Fetched: s.fetched.Load(), Produced: s.produced.Load(), Late: s.late.Load(),
		Returning: s.returning.Load(),
		Outcomes:  map[Outcome]int64{}, Phases: map[policy.Phase]PhaseStats{},
		Elapsed: s.elapsed(),
	}
	for o := range outcomes {
		if n := s.ended[o].Load(); n > 0 {
			snap.Outcomes[Outcome(o)] = n
		}
	}
	for i := range s.shards {
		snap.Started += s.shards[i].started.Load()
		snap.Retries += s.shards[i].retries.Load()
		snap.Timeouts += s.shards[i].timeouts.Load()
	}
	names := [phases]policy.Phase{
		policy.PhaseProcess, policy.PhasePrepare, policy.PhaseSuccess, policy.PhaseException, policy.PhaseFetch, policy.PhaseSettle,
	}
	for i, name := range names {
		if p := s.phase(i); p.Count > 0 {
			snap.Phases[name] = p
		}
	}
	return snap
}

func (s *loopStats) phase(i int) PhaseStats {
	var buckets []Bucket
	for b := range len(histogram{}.buckets) {
		var n int64
		for shard := range s.shards {
			n += s.shards[shard].phases[i].buckets[b].Load()
		}
		if n > 0 {
			buckets = append(buckets, Bucket{UpTo: upper(b), Count: n})
		}
	}
	return PhaseStats{}.Plus(PhaseStats{Buckets: buckets})
}

// asProduced makes it the snapshot of a producing loop: its transactions are prepared. How it takes them from its sequence is not shown.
func asProduced(s *Snapshot) {
	s.Produced = s.Outcomes[Succeeded]
	if prepare, ran := s.Phases[policy.PhaseProcess]; ran {
		s.Phases[policy.PhasePrepare] = prepare
	}
	for _, phase := range []policy.Phase{policy.PhaseProcess, policy.PhaseFetch, policy.PhaseSettle} {
		delete(s.Phases, phase)
	}
}
