package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

var errHandler = errors.New("scripted: the handler failed")

// runFixture is what runs flights and ends them: caller, driver, takeover and finisher. There is no Consumer, fetch loop or source, and
// nobody settles. A test calls what a worker, a watchdog or a shutdown would. Workers that the pool starts are only recorded.
type runFixture struct {
	policy   policy.Consumer // changed before build
	handlers ergon.Task      // likewise
	ordered  bool            // likewise: the loop keeps the order of keys
	onEnd    func(Result)    // likewise

	clock    clock
	stats    loopStats
	capacity capacity
	memory   flightMemory
	order    order
	gate     fetchGate
	headroom headroom
	shutdown shutdown
	stuck    stuckCheck
	judge    judge
	helpers  background
	outage   *outage
	pool     *pool
	waiting  waitingRoom
	held     heldRequeues
	finisher finisher
	caller   caller
	driver   driver
	takeover takeover
	stopped  error // why the driver has stopped fetching

	mu      sync.Mutex // guards what follows
	started []*worker  // by the pool
}

// newRunFixture has one worker, exact delays, and batches of three. A failure is dead-lettered by the source.
func newRunFixture(process func(context.Context, ergon.Transaction) (any, error)) *runFixture {
	r := &runFixture{policy: policy.DefaultConsumer(), handlers: ergon.Task{Process: process}}
	p := &r.policy
	for _, retry := range []*policy.Retry{&p.Process.Retry, &p.Success.Retry, &p.Exception.Retry} {
		*retry = policy.Retry{MaxAttempts: 2, Timeout: time.Minute, Backoff: time.Second, BackoffMultiplier: 1}
	}
	p.Loop.TransactionTimeout = 0
	p.Loop.Concurrency.Value, p.Loop.DeadLetter, p.Settle.Size = 1, policy.DeadLetterSource, 3
	return r
}

// build makes the parts.
func (r *runFixture) build(t *testing.T) {
	t.Helper()
	s := Settings{Task: "task", Handlers: r.handlers, Policy: r.policy, Logger: slog.New(slog.DiscardHandler), OnEnd: r.onEnd}
	r.clock = attempt.NewClock()
	w, _, err := newWatcher(s, r.clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.stats.init(r.clock)
	r.headroom.init(r.policy.Loop.Concurrency.MaxAbandoned())
	r.stuck.clock, r.shutdown.started, r.order.held, r.order.on = r.clock, make(chan struct{}), map[string][]*flight{}, r.ordered
	r.memory.loop = &inherited{clock: r.clock, values: context.Background()}
	r.pool = newPool(r.policy.Loop, &r.stats)
	r.capacity = capacity{stats: &r.stats, slots: &r.pool.limit, waiting: &r.waiting.count, held: &r.order.count}
	r.capacity.init(r.policy)
	r.outage = newOutage(r.policy.Loop.Outage, r.clock, &r.capacity, r.pool, func(bool) {})
	r.judge = newJudge(s, true, r.outage)
	r.waiting = waitingRoom{clock: r.clock, gate: &r.gate, pool: r.pool, outage: r.outage, capacity: &r.capacity}
	settler := newSettler(r.policy.Settle, &r.stats, &batchSettler{}, &letterWriter{}, &r.helpers, func(*worker) {})
	settler.batches.slow.Store(true) // no worker settles
	plan := newPlan(s, 0)
	r.held = heldRequeues{
		clock: r.clock, stats: &r.stats, capacity: &r.capacity, order: &r.order, waiting: &r.waiting, outage: r.outage, judge: &r.judge,
		maxHold: r.policy.Loop.HoldAtMost,
	}
	r.finisher = finisher{
		plan: plan, stats: &r.stats, capacity: &r.capacity, outage: r.outage, judge: &r.judge, order: &r.order, held: &r.held,
		watcher: w, settler: settler, onEnd: r.onEnd,
	}
	watch := &attemptWatch{clock: r.clock, stats: &r.stats, watcher: w, headroom: &r.headroom, stuckCheck: &r.stuck}
	r.caller = caller{plan: plan, clock: r.clock, handlers: &r.handlers, watch: watch, watcher: w, shutdown: &r.shutdown}
	stall := &stallDetector{}
	stall.init(r.clock, r.policy)
	r.driver = driver{
		plan: plan, watcher: w, leases: &leases{}, headroom: &r.headroom, waiting: &r.waiting, finisher: &r.finisher,
		service: &service{pool: r.pool, capacity: &r.capacity, settler: settler}, stop: func(why error) { r.stopped = why },
		backoffs: backoffs{
			plan: plan, clock: r.clock, stats: &r.stats, capacity: &r.capacity, stall: stall, outage: r.outage, waiting: &r.waiting,
			shutdown: &r.shutdown,
		},
	}
	r.takeover = takeover{
		plan: plan, clock: r.clock, stats: &r.stats, pool: r.pool, watch: watch, watcher: w, finisher: &r.finisher, shutdown: &r.shutdown,
	}
	r.pool.newWorker = func(s *slot) *worker { return &worker{pool: r.pool, caller: &r.caller, driver: &r.driver, slot: s} }
	r.pool.newDog = func() *watchdog { return newWatchdog(r.clock, r.takeover.expire) }
	r.pool.work = func(w *worker) {
		r.pool.startNext(w)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.started = append(r.started, w)
	}
}

// inRunFixture runs a test in a bubble of virtual time.
func inRunFixture(t *testing.T, r *runFixture, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r.build(t)
		test(t)
	})
}

// worker is one of the pool, on the goroutine of its caller.
func (r *runFixture) worker() *worker {
	w, _ := r.pool.activate()
	return w
}

// fetch makes flights of what a source would bring. "a/k" has the ordering key k. It returns those that may run.
func (r *runFixture) fetch(ids ...string) []*flight {
	txs := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		txs[i] = ergon.NewTransaction(id, nil)
		if _, key, has := strings.Cut(id, "/"); has {
			txs[i] = txs[i].WithOrderingKey(key)
		}
	}
	r.stats.fetched.Add(int64(len(ids)))
	r.capacity.unsettled.Add(int64(len(ids)))
	return r.order.ready(r.memory.newFlights(txs))
}

// successors returns the workers that the pool has started.
func (r *runFixture) successors() []*worker {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.started)
}

// settlements renders what waits for the settler, in the order in which it ended: "a succeeded ack".
func (r *runFixture) settlements() []string {
	var all []string
	for i := range r.stats.shards {
		var of []string
		for f := r.stats.shards[i].ended.Load(); f != nil; f = f.next {
			text := fmt.Sprintf("%s %s %s", f.tx.ID(), f.verdict.outcome, f.verdict.action)
			if f.verdict.skip {
				text = fmt.Sprintf("%s %s unsettled", f.tx.ID(), f.verdict.outcome)
			}
			if f.verdict.interrupted {
				text += " uncounted"
			}
			of = append(of, text)
		}
		slices.Reverse(of)
		all = append(all, of...)
	}
	return all
}

// wantSettlements wants these to wait for the settler.
func (r *runFixture) wantSettlements(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.settlements()); diff != "" {
		t.Errorf("what waits for the settler (-want +got):\n%s", diff)
	}
}

// total is a counter of all shards.
func (r *runFixture) total(of func(*shard) int64) (n int64) {
	for i := range r.stats.shards {
		n += of(&r.stats.shards[i])
	}
	return n
}

func retries(s *shard) int64  { return s.retries.Load() }
func timeouts(s *shard) int64 { return s.timeouts.Load() }

// succeeding is a handler that takes some time.
func succeeding(takes time.Duration) func(context.Context, ergon.Transaction) (any, error) {
	return func(context.Context, ergon.Transaction) (any, error) {
		time.Sleep(takes)
		return "result", nil
	}
}

// stateOf is where a flight is: "process 2, outcome 0".
func stateOf(f *flight) string {
	return fmt.Sprintf("%s %d, outcome %d", nameOf(f.state.Phase), f.state.Attempt, f.state.Outcome)
}

// secondAttempt is the state of a flight that waits for its second attempt to process.
func secondAttempt() string {
	return stateOf(&flight{state: lifecycle.State{Phase: lifecycle.Process, Attempt: 2}})
}
