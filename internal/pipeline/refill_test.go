package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
)

// spyOnFetches has the rig's queue note what it is asked, and not what it is told.
func (r *rig) spyOnFetches(j *journal) {
	r.Source = struct {
		ergon.Fetcher
		capability.Settler
	}{&spy{settlingSource: r.Queue, journal: j}, r.Queue}
}

// wantFound is want without the fetches that found nothing.
func (j *journal) wantFound(t *testing.T, want ...string) {
	t.Helper()
	found := &journal{entries: withoutEmptyFetches(j)}
	found.want(t, want...)
}

// withoutEmptyFetches leaves out the polls that found nothing.
func withoutEmptyFetches(j *journal) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var kept []string
	for _, entry := range j.entries {
		if strings.Contains(entry, " fetch ") && strings.HasSuffix(entry, ":") {
			continue
		}
		kept = append(kept, entry)
	}
	return kept
}

// [L1] A slow transaction holds up nobody: a slot that is free is filled at once.
func TestContinuousLoopFetchesForFreeSlotsAndRefillsAtOnce(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newTimedRig(seconds(10, 1, 1.5, 1, 1)...)
		r.spyOnFetches(j)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Value = 2
		r.run(t)
		j.wantFound(t, "0s fetch 2: 0 1", "1s fetch 1: 2", "2.5s fetch 1: 3", "3.5s fetch 1: 4")
	})
}

// [L1] A fetch asks for batch.size at most, however many slots are free; they are all filled at once nevertheless.
func TestFetchAsksForTheBatchSizeAtMost(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newTimedRig(seconds(1, 1, 1, 1, 1, 1, 1, 1)...)
		c := newFlowCounter(r.Queue, &r.Handlers)
		r.Source = &spy{settlingSource: c, journal: j}
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Batch.Size = 3
		r.run(t)
		found := withoutEmptyFetches(j)
		if len(found) < 2 || found[0] != "0s fetch 3: 0 1 2" || found[1] != "0s fetch 3: 3 4 5" {
			t.Errorf("got %q, want two fetches of 3 first", found)
		}
		if got := c.maxRunning.Load(); got != 8 {
			t.Errorf("%d ran at once, want all 8", got)
		}
	})
}

// [L1] What is fetched ahead is refilled by half, so that a source is not asked for one transaction at a time.
func TestPrefetchedTransactionsWaitForASlot(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j, started := newJournal(), newJournal()
		r := newTimedRig(seconds(1, 1, 1, 1, 1, 1, 1)...)
		timed := r.Handlers.Process
		r.Handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			started.note(tx.ID())
			return timed(ctx, tx)
		}
		r.spyOnFetches(j)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Value = 1
		r.Policy.Loop.Batch.Prefetch = 4
		r.run(t)
		j.wantFound(t, "0s fetch 5: 0 1 2 3 4", "3s fetch 3: 5 6")
		started.want(t, "0s 0", "1s 1", "2s 2", "3s 3", "4s 4", "5s 5", "6s 6")
	})
}

// [L1] The loop continues asking while one slot is free, although the others are busy for long.
func TestContinuousLoopNeverStopsPollingWhileASlotIsFree(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			j.note("start " + tx.ID())
			if tx.ID() == "slow" {
				time.Sleep(time.Hour)
			}
			return nil, nil
		}})
		r.Queue = memory.New(memory.Settings{Transactions: transactionsOf("slow"), MaxWait: time.Minute})
		r.Source = r.Queue
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Streaming = true
		r.Policy.Loop.Concurrency.Value = 2
		r.Policy.Loop.TransactionTimeout = 0
		r.Policy.Process = once(2 * time.Hour)
		r.Policy.Fetch.Retry.Timeout = 2 * time.Minute
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		for _, id := range []string{"a", "b"} {
			time.Sleep(1234 * time.Second)
			if err := r.Queue.DispatchTransactions(ctx, transactionsOf(id)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(time.Hour)
		cancel()
		_ = r.wait()
		if got := strings.Join(j.entries, ", "); got != "0s start slow, 20m34s start a, 41m8s start b" {
			t.Errorf("got %s, want each begun when it came", got)
		}
	})
}

// [L1] Batch mode: the next fetch waits for the last transaction of the batch, and for its settlement.
func TestBatchIsFinishedAndSettledBeforeTheNextIsFetched(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newTimedRig(seconds(1, 3, 1, 1, 1)...)
		r.Source = &spy{settlingSource: memory.WithFaults(r.Queue, memory.Stall(memory.OnSettle, 5*time.Second).Always()), journal: j}
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Mode = policy.ModeBatch
		r.Policy.Loop.Batch.Size = 2
		r.run(t)
		j.wantFound(t,
			"0s fetch 2: 0 1", "1.005s settle 0 ack", "6.005s settle 1 ack",
			"11.005s fetch 2: 2 3", "12.005s settle 2 ack, 3 ack",
			"17.005s fetch 2: 4", "18.005s settle 4 ack",
		)
	})
}

// [L1] In batch mode a batch may be larger than what runs at once.
func TestBatchLargerThanTheConcurrency(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newTimedRig(seconds(1, 1, 1, 1, 1, 1)...)
		r.spyOnFetches(j)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Mode = policy.ModeBatch
		r.Policy.Loop.Batch.Size = 5
		r.Policy.Loop.Concurrency.Value = 2
		r.run(t)
		j.wantFound(t, "0s fetch 5: 0 1 2 3 4", "3s fetch 5: 5")
	})
}

// [L1, L2] For any load, a fetch asks for no more than what is free and may be fetched ahead, and no more run at once than
// the policy says, also where the source delivers too much.
func TestLoopNeverFetchesOrRunsTooMany(t *testing.T) {
	for _, mode := range []policy.Mode{policy.ModeContinuous, policy.ModeBatch} {
		t.Run(string(mode), func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				for seed := range uint64(8) {
					random := rand.New(rand.NewPCG(seed, 0))
					takes := make([]time.Duration, 200)
					for i := range takes {
						takes[i] = time.Duration(random.Int64N(int64(time.Second)))
					}
					r := newTimedRig(takes...)
					concurrency, ahead := 1+random.IntN(9), random.IntN(20)
					loop := &r.Policy.Loop
					loop.Execution, loop.Mode = execution, mode
					loop.Concurrency.Value, loop.Batch.Prefetch, loop.Batch.Size = concurrency, ahead, 1+random.IntN(15)
					over := 0
					if random.IntN(2) == 0 {
						over = random.IntN(10)
					}
					c := newFlowCounter(memory.WithFaults(r.Queue, memory.OverDeliver(over).Always()), &r.Handlers)
					r.Source = c
					r.run(t)

					name := fmt.Sprintf("seed %d: concurrency %d, prefetch %d, size %d, %d too many a fetch",
						seed, concurrency, ahead, loop.Batch.Size, over)
					if got := c.maxRunning.Load(); got != int64(concurrency) && mode == policy.ModeContinuous || got > int64(concurrency) {
						t.Errorf("%s: %d ran at once", name, got)
					}
					most := int64(concurrency + ahead)
					if mode == policy.ModeBatch {
						most = int64(loop.Batch.Size)
					}
					if got := c.maxAsked.Load(); over == 0 && got > most {
						t.Errorf("%s: a fetch would have made %d in flight, want %d at most", name, got, most)
					}
					if got := r.consumer.Snapshot().Started; got != 200 {
						t.Errorf("%s: %d started, want 200", name, got)
					}
				}
			})
		})
	}
}

// flowCounter counts how many transactions there are on the way.
type flowCounter struct {
	settlingSource

	inFlight, running    atomic.Int64 // fetched and not ended; their handler runs
	maxAsked, maxRunning atomic.Int64 // most in flight, had each fetch brought what it asked for
}

func newFlowCounter(source settlingSource, task *ergon.Task) *flowCounter {
	c := &flowCounter{settlingSource: source}
	process := task.Process
	task.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
		raise(&c.maxRunning, c.running.Add(1))
		defer c.inFlight.Add(-1)
		defer c.running.Add(-1)
		return process(ctx, tx)
	}
	return c
}

func raise(most *atomic.Int64, n int64) {
	for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
	}
}

// FetchTransactions counts what is asked for and what comes.
func (c *flowCounter) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	raise(&c.maxAsked, c.inFlight.Load()+int64(limit))
	txs, err := c.settlingSource.FetchTransactions(ctx, limit)
	c.inFlight.Add(int64(len(txs)))
	return txs, err
}
