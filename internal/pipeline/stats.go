package pipeline

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// Outcome is what became of a transaction, as it is counted.
type Outcome uint8

// The outcomes.
const (
	Succeeded Outcome = iota
	DeadLettered
	Requeued
	Discarded
	HandlerFailed
	Interrupted
	Redelivered

	outcomes = int(Redelivered) + 1
)

// String returns the word that metrics, spans and summaries use.
func (o Outcome) String() string {
	return [...]string{
		"succeeded", "dead_lettered", "requeued", "discarded", "handler_failed", "interrupted", "redelivered",
	}[o]
}

const (
	shards = 8
	// The phases that are timed: those of package lifecycle, and these two.
	phaseFetch  = int(lifecycle.Exception) + 1
	phaseSettle = phaseFetch + 1
	phases      = phaseSettle + 1
)

// stats counts without locks; what workers write is spread over shards.
type stats struct {
	clock     clock
	began     atomic.Int64
	finished  atomic.Int64 // 0 while the loop runs
	fetched   atomic.Int64
	late      atomic.Int64
	ended     [outcomes]atomic.Int64
	turn      atomic.Uint32
	_         [64]byte // what every attempt reads apart from what is written often
	abandoned atomic.Int64
	_         [64]byte
	shards    [shards]shard
}

type shard struct {
	ended    atomic.Pointer[flight] // the flight that ended last and waits for settlement; by its next the others
	started  atomic.Int64
	retries  atomic.Int64
	timeouts atomic.Int64
	phases   [phases]histogram
	_        [64]byte
}

func (s *stats) nextShard() *shard { return &s.shards[s.turn.Add(1)%shards] }

// histogram counts durations in buckets that are 1/16 of a power of two wide: within 6 % of the true value.
type histogram struct {
	buckets [976]atomic.Int64
}

func (h *histogram) observe(d instant) { h.buckets[bucketOf(max(d, 0))].Add(1) }

func bucketOf(d instant) int {
	e := max(bits.Len64(uint64(d))-5, 0) //nolint:gosec // not negative
	return e<<4 + int(d>>e)
}

// upper is the highest duration that falls into bucket i.
func upper(i int) time.Duration {
	if i < 32 {
		return time.Duration(i)
	}
	e := i>>4 - 1
	return time.Duration((int64(i-e<<4)+1)<<e - 1)
}

// PhaseStats is how long the attempts of a phase took; for fetch and settle, one call with its retries.
type PhaseStats struct {
	Count         int64
	P50, P99, Max time.Duration
}

// Snapshot is the state of a loop at one moment.
type Snapshot struct {
	// Fetched and Started count transactions; Started those whose first attempt began.
	Fetched, Started int64
	// Outcomes counts those that ended.
	Outcomes map[Outcome]int64
	// Retries and Timeouts count attempts, Late those that returned after they had been given up.
	Retries, Timeouts, Late int64
	// InFlight is how many are fetched and not settled, Abandoned how many handlers are running that were given up.
	InFlight, Abandoned int64
	// Concurrency is how many may run at once now.
	Concurrency int
	// Outage is set while nothing but probes is fetched.
	Outage bool
	// Elapsed is the time since the loop started, or what it took where it has ended.
	Elapsed time.Duration
	Phases  map[policy.Phase]PhaseStats
}

// Ended is how many transactions came to an end.
func (s Snapshot) Ended() int64 {
	var n int64
	for _, count := range s.Outcomes {
		n += count
	}
	return n
}

func (s *stats) begin(now instant) { s.began.Store(int64(now)) }

func (s *stats) end(now instant) { s.finished.Store(int64(now)) }

func (s *stats) elapsed() time.Duration {
	began, end := s.began.Load(), s.finished.Load()
	switch {
	case began == 0:
		return 0
	case end == 0:
		end = int64(s.clock.now())
	}
	return time.Duration(end - began)
}

func (s *stats) snapshot() Snapshot {
	snap := Snapshot{
		Fetched: s.fetched.Load(), Late: s.late.Load(), Abandoned: s.abandoned.Load(),
		Outcomes: map[Outcome]int64{}, Phases: map[policy.Phase]PhaseStats{},
		Elapsed: s.elapsed(),
	}
	for o := range outcomes {
		if n := s.ended[o].Load(); n > 0 {
			snap.Outcomes[Outcome(o)] = n //nolint:gosec // a handful
		}
	}
	for i := range s.shards {
		snap.Started += s.shards[i].started.Load()
		snap.Retries += s.shards[i].retries.Load()
		snap.Timeouts += s.shards[i].timeouts.Load()
	}
	names := [phases]policy.Phase{
		policy.PhaseProcess, policy.PhaseSuccess, policy.PhaseException, policy.PhaseFetch, policy.PhaseSettle,
	}
	for i, name := range names {
		if p := s.phase(i); p.Count > 0 {
			snap.Phases[name] = p
		}
	}
	return snap
}

func (s *stats) phase(i int) PhaseStats {
	var merged [len(histogram{}.buckets)]int64
	var stats PhaseStats
	for shard := range s.shards {
		for b := range merged {
			n := s.shards[shard].phases[i].buckets[b].Load()
			merged[b] += n
			stats.Count += n
		}
	}
	var seen int64
	for b, n := range merged {
		if n == 0 {
			continue
		}
		below := seen
		seen += n
		stats.Max = upper(b)
		if half := (stats.Count + 1) / 2; below < half && seen >= half {
			stats.P50 = upper(b)
		}
		if most := stats.Count - stats.Count/100; below < most && seen >= most {
			stats.P99 = upper(b)
		}
	}
	return stats
}
