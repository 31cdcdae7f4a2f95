package pipeline

import (
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

const outcomes = int(Failed) + 1

const (
	shards = 8
	// The phases that are timed: those of package lifecycle, and these.
	phaseFetch  = int(lifecycle.Exception) + 1
	phaseSettle = phaseFetch + 1
	phases      = phaseSettle + 1
)

// loopStats counts without locks. The counters that workers write for each transaction are spread over shards, so that processors do not
// write to the same memory. Safe for concurrent use.
type loopStats struct {
	clock     clock
	began     atomic.Int64
	finished  atomic.Int64 // 0 while the loop runs
	worked    atomic.Int64 // when the last batch was settled
	returning atomic.Int64 // requeued transactions that a finite loop waits for
	fetched   atomic.Int64
	late      atomic.Int64
	produced  atomic.Int64 // by a hybrid task
	ended     [outcomes]atomic.Int64
	next      atomic.Uint32
	_         [64]byte
	shards    [shards]shard
}

type shard struct {
	ended    atomic.Pointer[flight] // the flight that ended last and waits for settlement; by its next the others
	started  atomic.Int64
	finished atomic.Int64
	retries  atomic.Int64
	timeouts atomic.Int64
	phases   [phases]histogram
	writers  int // workers; under the pool's lock
	number   int // of the shard in package stats, which has as many; never changed
	_        [64]byte
}

func (s *loopStats) init(c clock) {
	s.clock = c
	for i := range s.shards {
		s.shards[i].number = i
	}
}

func (s *loopStats) nextShard() *shard { return &s.shards[s.next.Add(1)%shards] }

// enter returns the shard that the fewest workers write to, until they leave it. The pool's lock is held.
func (s *loopStats) enter() *shard {
	least := &s.shards[0]
	for i := range s.shards {
		if s.shards[i].writers < least.writers {
			least = &s.shards[i]
		}
	}
	least.writers++
	return least
}

// listed is how many flights wait for settlement here.
func (s *shard) listed() int {
	if f := s.ended.Load(); f != nil {
		return int(f.listed.Load())
	}
	return 0
}

func (s *loopStats) leave(on *shard) { on.writers-- }

// outstanding is how many transactions were fetched and have not ended their lifecycle.
func (s *loopStats) outstanding() int {
	n := s.fetched.Load()
	for i := range s.shards {
		n -= s.shards[i].finished.Load()
	}
	return int(n)
}

func (s *loopStats) begin(now instant) { s.began.Store(int64(now)) }

// end records when the loop ended. At its natural end that is when its work did: what followed was a last wait for more.
func (s *loopStats) end(now instant, natural bool) {
	if worked := s.worked.Load(); natural && worked > 0 {
		now = instant(worked)
	}
	s.returning.Store(0)
	s.finished.Store(int64(now))
}

func (s *loopStats) elapsed() time.Duration {
	began, end := s.began.Load(), s.finished.Load()
	switch {
	case began == 0:
		return 0
	case end == 0:
		end = int64(s.clock.Now())
	}
	return time.Duration(end - began)
}

// handled counts every step of a transaction.
func (s *loopStats) handled() int64 {
	var n int64
	for i := range s.shards {
		shard := &s.shards[i]
		n += shard.started.Load() + shard.finished.Load() + shard.retries.Load() + shard.timeouts.Load()
		for phase := range phaseFetch {
			for b := range shard.phases[phase].buckets {
				n += shard.phases[phase].buckets[b].Load()
			}
		}
	}
	return n
}
