package pipeline_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// hangingTask is a task whose handlers do not return before they are told to.
type hangingTask struct {
	*journal

	release chan struct{} // closed to tell them
}

func newHangingTask() *hangingTask {
	return &hangingTask{journal: newJournal(), release: make(chan struct{})}
}

func (d *hangingTask) process(_ context.Context, tx ergon.Transaction) (any, error) {
	d.note("process " + tx.ID())
	<-d.release
	return nil, nil
}

// [T2]
func TestLoopStopsAtTheBoundOfAbandonedAttempts(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		d := newHangingTask()
		r := newRig(ergon.Task{Process: d.process}, "a", "b", "c", "d", "e", "f")
		r.noting(d.journal)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Headroom = 3
		r.Policy.Loop.Batch.Prefetch = 1
		r.Policy.Process = once(time.Second)
		r.start(t.Context(), t)
		err := r.wait()
		d.note("ended")
		if !errors.Is(err, pipeline.ErrHeadroom) {
			t.Errorf("got error %v, want ErrHeadroom", err)
		}
		d.want(t, "0s process a", "1s dead_lettered a", "1s process b", "2s dead_lettered b", "2s process c", "3s dead_lettered c",
			"3.1s interrupted d", "3.1s interrupted e", "3.1s ended")
		wantReleased(t, r, "d")
		wantReleased(t, r, "e")
		if n, _ := r.Queue.CountTransactions(t.Context()); n != 1 { // d and e were looked at by wantReleased
			t.Errorf("the source holds %d transactions that were never fetched, want 1", n)
		}
		wantCounts(t, r, 3, 0)
		close(d.release)
		synctest.Wait()
		wantCounts(t, r, 0, 3)
	})
}

// [T2]
func TestLoopGoesOnBelowTheBoundOfAbandonedAttempts(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		d := newHangingTask()
		r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			if tx.ID() >= "3" {
				return nil, nil
			}
			return d.process(ctx, tx)
		}}, numbered(10)...)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Headroom = 4
		r.Policy.Process = once(time.Second)
		r.run(t)
		if got := r.consumer.Snapshot(); got.Abandoned != 3 || got.Outcomes[pipeline.Succeeded] != 7 {
			t.Errorf("got %d abandoned and %v, want 3, and 7 succeeded", got.Abandoned, got.Outcomes)
		}
		close(d.release)
	})
}

// [T2] What ran when the headroom was used up may end, but gets no further attempt.
func TestRestDrainsBeforeALoopWithoutHeadroomEnds(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		d := newHangingTask()
		r := newRig(ergon.Task{
			Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
				if tx.ID() == "a" {
					return d.process(ctx, tx)
				}
				return nil, nil
			},
			Success: func(_ context.Context, tx ergon.Transaction, _ any) error {
				time.Sleep(5 * time.Second)
				if tx.ID() == "would go on" {
					return errScripted
				}
				return nil
			},
		}, "a", "ends", "would go on", "waits", "is never fetched")
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency = policy.Concurrency{Value: 3, Headroom: 1}
		r.Policy.Process, r.Policy.Success = once(time.Second), retrying(2, 10*time.Second, 0)
		r.start(t.Context(), t)
		if err := r.wait(); !errors.Is(err, pipeline.ErrHeadroom) {
			t.Errorf("got error %v, want ErrHeadroom", err)
		}
		if got := time.Since(d.begin); got != 5*time.Second {
			t.Errorf("the loop ended after %v, want 5s, when the last handler has returned", got)
		}
		for id, want := range map[string]pipeline.Outcome{"a": pipeline.DeadLettered, "ends": pipeline.Succeeded} {
			if got := r.resultOf(t, id).Outcome; got != want {
				t.Errorf("transaction %s: got %v, want %v", id, got, want)
			}
		}
		wantReleased(t, r, "would go on")
		wantReleased(t, r, "waits")
		if got := r.consumer.Snapshot().Fetched; got != 4 {
			t.Errorf("got %d fetched, want 4", got)
		}
		close(d.release)
	})
}

// [T2]
func TestHandlersThatHeedTheirContextNeverUseUpTheHeadroom(t *testing.T) {
	const n, concurrency = 400, 100
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		began := time.Now()
		r := newRig(ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}, numbered(n)...)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency = policy.Concurrency{Value: concurrency, Headroom: 1}
		r.Policy.Settle.Interval = 0 // so that the loop ends with its last transaction
		r.Policy.Process = retrying(3, time.Second, 0)
		r.run(t)
		synctest.Wait()
		wantCounts(t, r, 0, 3*n)
		if got, want := time.Since(began), 3*n/concurrency*time.Second; got != want {
			t.Errorf("the loop took %v, want %v", got, want)
		}
	})
}

// [T2] Between the deadline and its return a handler that heeds its context may clean up for a moment.
func TestHandlerHasAMomentToReturn(t *testing.T) {
	const patience = 100 * time.Millisecond
	for _, test := range []struct {
		cleanup time.Duration
		want    error
	}{{patience - 1, nil}, {patience + 1, pipeline.ErrHeadroom}} {
		t.Run(test.cleanup.String(), func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
					j.note("process " + tx.ID())
					if tx.ID() == "a" {
						<-ctx.Done()
						time.Sleep(test.cleanup)
					}
					return nil, nil
				}}, "a", "b")
				r.Policy.Loop.Execution = execution
				r.Policy.Process = once(time.Second)
				r.start(t.Context(), t)
				if err := r.wait(); !errors.Is(err, test.want) {
					t.Errorf("got error %v, want %v", err, test.want)
				}
				j.note("ended")
				if test.want == nil {
					j.want(t, "0s process a", "1.099999999s process b", "1.099999999s ended")
				} else {
					j.want(t, "0s process a", "1.1s ended")
					wantReleased(t, r, "b")
				}
				time.Sleep(time.Second)
				wantCounts(t, r, 0, 1)
			})
		})
	}
}

// [T1, T2] In real time, with as many as fit: each is given up at its deadline, and nothing of them stays.
func TestThousandHandlersThatIgnoreTheirContextCostNothingInTheEnd(t *testing.T) {
	const n, rounds = 1000, 4
	for _, execution := range []policy.Execution{policy.ExecutionSync, policy.ExecutionAsync} {
		t.Run(string(execution), func(t *testing.T) {
			giveUp(t, n, execution) // the runtime keeps what describes goroutines for the next ones
			goroutines, before := runtime.NumGoroutine(), inUse()
			var latest time.Duration
			var held int64
			for range rounds {
				late, most := giveUp(t, n, execution)
				latest, held = max(latest, late), max(held, most-before)
				eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
			}
			var left int64
			eventually(t, "the memory is free", func() bool { // the engine looks once more at each attempt that it gave up
				left = inUse() - before
				return left <= held/2
			})
			t.Logf("the last was given up %v after its deadline; a round held up to %d KiB, all of them left %d KiB",
				latest, held>>10, left>>10)
		})
	}
}

// giveUp runs n handlers that do not return before they all were given up. It returns how long after its deadline the last
// one was, and the memory in use then.
func giveUp(t *testing.T, n int, execution policy.Execution) (latest time.Duration, held int64) {
	t.Helper()
	d := newHangingTask()
	deadlines := make([]atomic.Pointer[time.Time], n)
	var late atomic.Int64
	r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
		i, _ := strconv.Atoi(tx.ID())
		deadline, _ := ctx.Deadline()
		deadlines[i].Store(&deadline)
		return d.process(ctx, tx)
	}}, numbered(n)...)
	r.OnEnd = func(result pipeline.Result) {
		i, _ := strconv.Atoi(result.Transaction.ID())
		if deadline := deadlines[i].Load(); deadline != nil { // nil: the handler has not even been called yet
			by := int64(time.Since(*deadline))
			if by < 0 {
				t.Errorf("transaction %d was given up %v before its deadline", i, -time.Duration(by))
			}
			for seen := late.Load(); by > seen && !late.CompareAndSwap(seen, by); seen = late.Load() {
			}
		}
		r.ended(result)
	}
	r.Policy.Loop.Execution = execution
	r.Policy.Loop.Concurrency = policy.Concurrency{Value: n, Headroom: n + 1}
	r.Policy.Loop.Batch.Size = n
	r.Policy.Process = once(20 * time.Millisecond)
	r.Shutdown, r.longest = policy.Shutdown{}, 10*time.Second // where none is given up
	r.run(t)
	wantCounts(t, r, int64(n), 0)
	for _, result := range r.all() {
		if ergon.CategoryOf(result.Err) != ergon.CategoryTimeout || result.Outcome != pipeline.DeadLettered {
			t.Errorf("transaction %s: got %v with %v, want dead_lettered with TIMEOUT", result.Transaction.ID(), result.Outcome, result.Err)
		}
	}
	held = inUse()
	close(d.release)
	eventually(t, "all are late", func() bool { return r.consumer.Snapshot().Late == int64(n) })
	wantCounts(t, r, 0, int64(n))
	return time.Duration(late.Load()), held
}

// inUse is the memory in heap and stacks that is in use.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one found to be finalised
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// eventually waits for what other goroutines are about to do, in real time.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	limit := time.Now().Add(30 * time.Second)
	for !done() {
		if time.Now().After(limit) {
			t.Fatalf("waited 30s in vain: %s", what)
		}
		runtime.Gosched()
	}
}
