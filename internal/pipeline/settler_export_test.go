package pipeline

import (
	"context"
	"log/slog"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/policy"
)

// Settler is a settler without a fetch loop, a pool or a Consumer.
type Settler struct {
	stats      loopStats
	capacity   capacity
	memory     flightMemory
	leases     leases
	stall      stallDetector
	unwritten  unwritten
	failures   failures
	background background
	settler    *settler
}

// NewSettler makes a settler for a source. stop and replaced are called as the loop and the pool would be.
func NewSettler(source capability.Settler, p policy.Settle, logger *slog.Logger, stop func(error), replaced func()) (*Settler, error) {
	s := &Settler{}
	settings := Settings{Task: "task", Worker: "worker-1", Logger: logger, Policy: policy.DefaultConsumer()}
	settings.Policy.Settle = p
	clock := attempt.NewClock()
	watcher, _, err := newWatcher(settings, clock, nil)
	if err != nil {
		return nil, err
	}
	s.stats.init(clock)
	s.capacity.init(settings.Policy)
	s.stall.init(clock, settings.Policy)
	s.memory.loop = &inherited{clock: clock, values: context.Background()}
	s.failures.watcher = watcher
	batches := &batchSettler{
		clock: clock, source: source, calls: batchCaller{retry: p.Retry, hanging: &Hanging{}, stall: &s.stall}, leases: &s.leases,
		stall: &s.stall, watcher: watcher, failures: &s.failures, stop: stop,
		completion: completion{stats: &s.stats, capacity: &s.capacity, unwritten: &s.unwritten, memory: &s.memory, watcher: watcher},
	}
	letters := &letterWriter{stall: &s.stall, background: &s.background}
	s.settler = newSettler(p, &s.stats, batches, letters, &s.background, func(*worker) { replaced() })
	s.background.begin(context.Background())
	return s, nil
}

// Start starts the settler's goroutine.
func (s *Settler) Start() { s.background.run(s.settler.run) }

// End ends the settler's goroutine, which settles what is pending before.
func (s *Settler) End() {
	close(s.settler.closing)
	s.background.helpers.Wait()
}

// Add is a transaction that has succeeded on a worker of a shard. It reports whether that completes a batch.
func (s *Settler) Add(shard int, ids ...string) (complete bool) {
	txs := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		txs[i] = ergon.NewTransaction(id, id)
	}
	s.capacity.unsettled.Add(int64(len(ids)))
	for _, f := range s.memory.newFlights(txs) {
		f.verdict = verdict{outcome: Succeeded, action: policy.SettleAck}
		complete = s.settler.add(&s.stats.shards[shard], f)
	}
	return complete
}

// Hurry makes the settler's goroutine settle at once.
func (s *Settler) Hurry() { s.settler.settleNow() }

// SettleInline makes a worker of a shard settle, on the caller's goroutine.
func (s *Settler) SettleInline(shard int) {
	s.settler.settleInline(&worker{shard: &s.stats.shards[shard]})
}

// Outcomes counts what is settled.
func (s *Settler) Outcomes() map[Outcome]int64 { return s.stats.snapshot().Outcomes }

// Unsettled is how many transactions are not settled.
func (s *Settler) Unsettled() int64 { return s.capacity.unsettled.Load() }

// HangOnSettle makes what is notified of each batch before it is settled hang until then.
func (s *Settler) HangOnSettle(until <-chan struct{}) {
	s.settler.batches.onSettle = func(Outcome, int64) { <-until }
}

// Stalled names what is overdue.
func (s *Settler) Stalled() string { return s.stall.stalled(0, 0) }

// SettleBudget is the longest that a batch may take.
func (s *Settler) SettleBudget() time.Duration { return s.stall.settle }

// Err is why the loop fails although it went on.
func (s *Settler) Err() error { return s.failures.err() }
