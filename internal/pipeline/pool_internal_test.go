package pipeline

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// bench is a pool without a loop. Its workers call run instead of handlers; false ends a worker's goroutine, as a call that is handed
// off does.
type bench struct {
	*pool

	run  func(w *worker, f *flight) bool
	lost func(w *worker) // called as such a goroutine ends

	made, lasts atomic.Int64 // workers; how often nothing was left

	mu        sync.Mutex // guards what follows
	began     []*flight  // in this order
	now, most int        // running at once
}

func newBench(t *testing.T, execution policy.Execution, limit int, run func(*worker, *flight) bool) *bench {
	t.Helper()
	stats := &loopStats{}
	stats.init(attempt.NewClock())
	b := &bench{run: run, lost: func(*worker) {}}
	b.pool = newPool(policy.Loop{Execution: execution, Concurrency: policy.Concurrency{Value: limit}}, stats)
	b.service, b.work = b, b.loop
	b.newDog = func() *watchdog { return newWatchdog(stats.clock, func([]shown) {}) }
	b.newWorker = func(s *slot) *worker {
		b.made.Add(1)
		return &worker{slot: s}
	}
	t.Cleanup(func() {
		b.close()
		b.workers.Wait()
		for i := range stats.shards {
			if n := stats.shards[i].writers; n != 0 {
				t.Errorf("%d workers have not left shard %d", n, i)
			}
		}
	})
	return b
}

func (b *bench) loop(w *worker) {
	b.startNext(w)
	for f := b.next(w); f != nil; f = b.next(w) {
		b.mu.Lock()
		b.began = append(b.began, f)
		b.now++
		b.most = max(b.most, b.now)
		b.mu.Unlock()
		goOn := b.run(w, f)
		b.mu.Lock()
		b.now--
		b.mu.Unlock()
		if !goOn {
			b.lost(w)
			return
		}
	}
	b.workers.Done()
}

func (b *bench) refill(*worker) bool    { return false }
func (b *bench) serveIdle(*worker) bool { return false }

func (b *bench) parked(last bool) {
	if last {
		b.lasts.Add(1)
	}
}

// order returns which flights began, in this order.
func (b *bench) order() []*flight {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.began)
}

func flightsOf(n int) []*flight {
	flights := make([]*flight, n)
	for i := range flights {
		flights[i] = &flight{}
	}
	return flights
}

// second is a transaction of a second.
func second(*worker, *flight) bool {
	time.Sleep(time.Second)
	return true
}

// [L1] Never do more run at once than the limit allows, and never fewer while something waits, also after the limit was changed.
func TestPoolHoldsItsLimit(t *testing.T) {
	for _, execution := range []policy.Execution{policy.ExecutionSync, policy.ExecutionAsync} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			b := newBench(t, execution, 3, second)
			b.submit(flightsOf(50), nil)
			time.Sleep(4*time.Second + 1)
			if n := len(b.order()); n != 5*3 || b.most != 3 {
				t.Errorf("%s: %d began in four seconds, %d at once; want 15, 3", execution, n, b.most)
			}
			b.setLimit(10)
			time.Sleep(time.Second)
			synctest.Wait()
			if n := len(b.order()); n != 15+7+10 || b.most != 10 {
				t.Errorf("%s: %d began, %d at once; want 32, 10", execution, n, b.most)
			}
			b.setLimit(2)
			time.Sleep(time.Second)
			synctest.Wait()
			if n := len(b.order()); n != 32+2 {
				t.Errorf("%s: %d began after the limit was lowered, want 2", execution, n-32)
			}
			time.Sleep(8*time.Second - 1)
			if n, took := len(b.order()), time.Since(begin); n != 48 {
				t.Errorf("%s: %d began within %s, want 48", execution, n, took)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if n := len(b.order()); n != 50 {
				t.Errorf("%s: %d began at the end, want all 50", execution, n)
			}
			time.Sleep(time.Second)
		})
	}
}

// [L2] What was submitted first runs first.
func TestPoolRunsTheOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, policy.ExecutionSync, 1, second)
		early, late := flightsOf(3*chunkSize), flightsOf(chunkSize+1)
		b.submit(early, nil)
		time.Sleep(time.Second / 2)
		b.submit(late, nil)
		time.Sleep(time.Minute)
		if want := slices.Concat(early, late); !slices.Equal(b.order(), want) {
			t.Error("the flights did not begin in the order in which they were submitted")
		}
	})
}

// What has waited outside of the pool comes before everything that has not begun.
func TestPoolRunsWhatIsDueFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, policy.ExecutionAsync, 1, second)
		fetched, due := flightsOf(chunkSize), flightsOf(3)
		b.submit(fetched, nil)
		time.Sleep(3*time.Second - 1)
		b.submitDue(due[:2])
		time.Sleep(2 * time.Second)
		b.submitDue(due[2:])
		if got := b.takeDue(); !slices.Equal(got, due[2:]) {
			t.Errorf("%d of those that are due could be taken back, want the 1 that has not begun", len(got))
		}
		time.Sleep(time.Minute)
		if want := slices.Concat(fetched[:3], due[:2], fetched[3:]); !slices.Equal(b.order(), want) {
			t.Error("the two that were due did not begin before the rest of the chunk")
		}
	})
}

// [L1] The flights of a chunk are not only its worker's: while that is busy, others split what is left of it.
func TestPoolSplitsTheChunkOfABusyWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flights := flightsOf(chunkSize)
		var workers sync.Map // by flight
		b := newBench(t, policy.ExecutionAsync, 1, func(w *worker, f *flight) bool {
			workers.Store(f, w)
			w.short = true
			if f == flights[0] {
				time.Sleep(time.Hour)
			}
			return true
		})
		b.submit(flights, nil)
		synctest.Wait()
		if n := len(b.order()); n != 1 {
			t.Fatalf("%d flights began, want only the first", n)
		}
		b.setLimit(2)
		synctest.Wait()
		if !slices.Equal(b.order(), flights) {
			t.Errorf("%d flights began in some order, want all %d in theirs", len(b.order()), len(flights))
		}
		busy, _ := workers.Load(flights[0])
		other, _ := workers.Load(flights[1])
		if last, _ := workers.Load(flights[7]); busy == other || other != last {
			t.Error("want the first flight on one worker and all others on the second")
		}
		time.Sleep(time.Hour)
	})
}

// Half of what is left is split off, and a chunk at most.
func TestChunkIsSplitInHalves(t *testing.T) {
	b := &chunk{flights: flightsOf(40)}
	for _, want := range []int{8, 8, 8, 8, 4, 2, 1, 1} {
		if got := b.split(); got.left() != want {
			t.Fatalf("%d flights were split off, want %d", got.left(), want)
		}
	}
	if got := b.split(); got != nil {
		t.Errorf("%d flights were split off of an empty chunk", got.left())
	}
}

// An async pool keeps so many idle workers and sends the others home, whose slots are used again; a sync one keeps all.
func TestPoolKeepsIdleWorkers(t *testing.T) {
	const limit = maxIdle + 50
	for execution, kept := range map[policy.Execution]int{policy.ExecutionAsync: maxIdle, policy.ExecutionSync: limit} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, execution, limit, second)
			for round := range 2 {
				b.submit(flightsOf(limit), nil)
				time.Sleep(time.Second + 1)
				synctest.Wait()
				if n := len(b.idle); n != kept || b.active.Load() != 0 {
					t.Errorf("%s: %d workers are idle and %d active, want %d and 0", execution, n, b.active.Load(), kept)
				}
				if n, want := int(b.made.Load()), limit+round*(limit-kept); n != want {
					t.Errorf("%s: %d workers were made, want %d", execution, n, want)
				}
				if n := len(b.watchdogs); n != (limit+attempt.SlotsPerWatchdog-1)/attempt.SlotsPerWatchdog {
					t.Errorf("%s: %d watchdogs: slots were not used again", execution, n)
				}
				if n := int(b.lasts.Load()); n != round+1 {
					t.Errorf("%s: the pool said %d times that nothing is left, want %d", execution, n, round+1)
				}
			}
		})
	}
}

// What no worker has claimed can be taken back, and nothing of it runs.
func TestPoolGivesBackWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, policy.ExecutionAsync, 2, second)
		flights := flightsOf(3 * chunkSize)
		b.submit(flights, nil)
		synctest.Wait()
		taken := b.takeWaiting()
		time.Sleep(time.Minute)
		began := b.order()
		if len(began) != 2 || len(taken) != len(flights)-2 {
			t.Fatalf("%d began and %d were taken back, want 2 and %d", len(began), len(taken), len(flights)-2)
		}
		for _, f := range taken {
			if slices.Contains(began, f) {
				t.Error("a flight that was taken back began")
			}
		}
	})
}

// A pool that is closed sends its workers home: those that are idle at once, the others after what they are running.
func TestClosedPoolSendsItsWorkersHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		b := newBench(t, policy.ExecutionSync, 4, second)
		b.submit(flightsOf(3), nil)
		time.Sleep(time.Second + 1)
		b.submit(flightsOf(1), nil)
		synctest.Wait()
		b.close()
		b.workers.Wait()
		if took := time.Since(begin); took != 2*time.Second+1 {
			t.Errorf("the last worker went home after %s, want 2 s: when its transaction ended", took)
		}
		b.submit(flightsOf(1), nil)
		synctest.Wait()
		if n := len(b.order()); n != 4 {
			t.Errorf("%d transactions began, want 4: none after the pool was closed", n)
		}
	})
}

// [T1] A worker that is caught in a call is replaced in its slot: what it had taken continues, and it counts once.
func TestPoolReplacesAWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flights := flightsOf(chunkSize)
		var slots []*slot
		b := newBench(t, policy.ExecutionSync, 1, func(w *worker, f *flight) bool {
			slots = append(slots, w.slot)
			return second(w, f) && f != flights[0]
		})
		b.lost = b.replaceWorker
		b.submit(flights, nil)
		time.Sleep(3*time.Second + 1)
		if n := b.active.Load(); n != 1 {
			t.Errorf("%d workers are active, want 1: the successor", n)
		}
		time.Sleep(time.Minute)
		if !slices.Equal(b.order(), flights) || b.most != 1 {
			t.Errorf("%d flights began, %d at once; want all %d in their order, one at a time", len(b.order()), b.most, chunkSize)
		}
		if b.made.Load() != 2 || slots[0] != slots[7] {
			t.Errorf("%d workers were made, want 2 in the same slot", b.made.Load())
		}
	})
}

// Successors of workers whose attempts were taken over start one after the other, each in its slot, and all of them run at once.
func TestPoolStartsAllSuccessors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		b := newBench(t, policy.ExecutionAsync, 3, func(w *worker, f *flight) bool {
			comesBack := runs.Add(1) > 3
			return second(w, f) && comesBack
		})
		var mu sync.Mutex // guards successors
		var successors []*worker
		b.lost = func(w *worker) {
			mu.Lock()
			defer mu.Unlock()
			successors = append(successors, b.successor(w.slot, nil, lifecycle.Finish))
			if len(successors) == 3 {
				b.startAll(successors)
			}
		}
		b.submit(flightsOf(6), nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(b.order()); n != 6 || b.most != 3 || b.made.Load() != 6 {
			t.Errorf("%d flights began, %d at once, on %d workers; want 6, 3, 6", n, b.most, b.made.Load())
		}
		time.Sleep(time.Minute)
	})
}
