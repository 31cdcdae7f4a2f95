package pipeline

import (
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
)

// What a loop reports are types of package observe, so that whoever reads the API sees their fields.
type (
	// Snapshot is the state of a loop at one moment.
	Snapshot = observe.Snapshot
	// PhaseStats is how long the attempts of a phase took.
	PhaseStats = observe.PhaseStats
	// Bucket counts durations.
	Bucket = observe.Bucket
	// Outcome is what became of a transaction.
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

// asProduced says it in the words of a producing loop. How it takes from its sequence is nothing to be measured.
func asProduced(s *Snapshot) {
	s.Produced = s.Outcomes[Succeeded]
	if prepare, ran := s.Phases[policy.PhaseProcess]; ran {
		s.Phases[policy.PhasePrepare] = prepare
	}
	for _, phase := range []policy.Phase{policy.PhaseProcess, policy.PhaseFetch, policy.PhaseSettle} {
		delete(s.Phases, phase)
	}
}
