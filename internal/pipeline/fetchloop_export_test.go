package pipeline

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// FetchLoop is a fetch loop without the loop that it fetches for: no Consumer, pool, worker or settler. It is the pool itself: what is
// submitted runs until a test ends it.
type FetchLoop struct {
	loop      *fetchLoop
	stats     loopStats
	capacity  capacity
	order     order
	outage    *outage
	leases    leases
	memory    flightMemory
	unwritten unwritten
	stall     stallDetector
	gate      fetchGate
	slots     atomic.Int32
	waiting   atomic.Int32
	worker    worker

	mu        sync.Mutex // guards what follows
	running   []*flight
	byWorker  int
	submitted []string
	givenBack []string
}

// NewFetchLoop makes one.
func NewFetchLoop(s Settings) (*FetchLoop, error) {
	clock := attempt.NewClock()
	w, _, err := newWatcher(s, clock, nil)
	if err != nil {
		return nil, err
	}
	s.Hanging = &Hanging{}
	f := &FetchLoop{}
	f.memory.loop = &inherited{clock: clock, values: context.Background()}
	f.stats.init(clock)
	f.stall.init(clock, s.Policy)
	f.slots.Store(int32(s.Policy.Loop.Concurrency.Value))
	f.order.held = map[string][]*flight{}
	f.capacity = capacity{stats: &f.stats, slots: &f.slots, waiting: &f.waiting, held: &f.order.count}
	f.capacity.init(s.Policy)
	f.outage = newOutage(s.Policy.Loop.Outage, clock, &f.capacity, f, func(bool) {})
	f.loop = newFetchLoop(fetchParts{
		settings: &s, clock: clock, stats: &f.stats, capacity: &f.capacity, order: &f.order, outage: f.outage, leases: &f.leases,
		memory: &f.memory, unwritten: &f.unwritten, stall: &f.stall, gate: &f.gate, watcher: w,
		requeueUnused: f.requeueUnused, requeueUnusedLater: f.requeueUnused, release: f.release,
		endWaiting: func(flights []*flight, _ lifecycle.Event) { f.release(flights) },
	})
	return f, nil
}

// Run runs it.
func (f *FetchLoop) Run(ctx context.Context) error { return f.loop.run(ctx) }

// Pause pauses it.
func (f *FetchLoop) Pause() { f.gate.pause() }

// Resume ends the pause.
func (f *FetchLoop) Resume() {
	f.gate.resume()
	signal(f.capacity.available)
}

// Stalled names what is overdue.
func (f *FetchLoop) Stalled() string { return f.stall.stalled(0, 0) }

// FetchInline fetches as a worker does between two transactions.
func (f *FetchLoop) FetchInline() bool { return f.loop.fetchInline(&f.worker) }

// WaitForCalls waits until the source has been called for the last time; false if that takes longer than the limit of a shutdown.
func (f *FetchLoop) WaitForCalls() bool {
	f.loop.source.wait(minFlush, nil)
	return f.loop.source.inProgress.Load() == 0
}

// Submitted returns the ids of what was submitted, in order, and how many of them a worker has fetched.
func (f *FetchLoop) Submitted() (ids []string, byWorker int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.submitted), f.byWorker
}

// GivenBack returns the ids of what went back to the source.
func (f *FetchLoop) GivenBack() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.givenBack)
}

// End ends the oldest n that run. The fetch loop is not called.
func (f *FetchLoop) End(n int, outcome lifecycle.Outcome) {
	f.mu.Lock()
	ended := f.running[:n:n]
	f.running = f.running[n:]
	f.mu.Unlock()
	for _, one := range ended {
		one.state.Outcome = outcome
		one.failed(ergon.ErrInterrupted)
		one.failure.cause = &ergon.TransactionError{Category: ergon.CategorySystem}
		f.outage.record(one)
		f.stats.shards[0].finished.Add(1)
	}
}

// Settle settles n that have ended, and calls the fetch loop as the settler does.
func (f *FetchLoop) Settle(n int) {
	f.capacity.settled(n, false)
	if f.outage.lasts() {
		signal(f.capacity.available)
	}
}

// Requeued counts a transaction that was requeued.
func (f *FetchLoop) Requeued() { f.stats.ended[Requeued].Add(1) }

func (f *FetchLoop) submit(flights []*flight, by *worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = append(f.running, flights...)
	for _, one := range flights {
		f.submitted = append(f.submitted, one.tx.ID())
		if by != nil {
			f.byWorker++
		}
	}
}

func (f *FetchLoop) submitDue(flights []*flight) { f.submit(flights, nil) }

func (f *FetchLoop) takeWaiting() []*flight { return nil }

func (f *FetchLoop) requeueUnused(txs []ergon.Transaction) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, tx := range txs {
		f.givenBack = append(f.givenBack, tx.ID())
	}
}

func (f *FetchLoop) release(flights []*flight) {
	for _, one := range flights {
		f.requeueUnused([]ergon.Transaction{*one.tx})
		f.stats.shards[0].finished.Add(1)
		f.capacity.settled(1, false)
	}
}
