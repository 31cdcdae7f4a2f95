package pipeline_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// gauge knows how many run at once now, and the most there were.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) enter() (leave func()) {
	n := g.now.Add(1)
	for seen := g.most.Load(); n > seen && !g.most.CompareAndSwap(seen, n); seen = g.most.Load() {
	}
	return func() { g.now.Add(-1) }
}

// [E1, L2] Handlers take random times, fail and panic; the source delivers more than it was asked for.
func TestConcurrencyIsReachedAndNeverExceeded(t *testing.T) {
	const n = 2000
	for _, concurrency := range []int{1, 2, 7, 64, 300} {
		t.Run(strconv.Itoa(concurrency), func(t *testing.T) {
			for _, mode := range []policy.Mode{policy.ModeContinuous, policy.ModeBatch} {
				inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
					var running gauge
					r := newRig(ergon.Task{
						Process: func(context.Context, ergon.Transaction) (any, error) {
							defer running.enter()()
							time.Sleep(time.Duration(1 + rand.IntN(int(time.Second))))
							switch rand.IntN(10) {
							case 0:
								return nil, errScripted
							case 1:
								panic("bad")
							case 2:
								runtime.Goexit()
							}
							return nil, nil
						},
						Success: func(context.Context, ergon.Transaction, any) error {
							defer running.enter()()
							time.Sleep(time.Duration(rand.IntN(int(time.Second))))
							return nil
						},
					}, numbered(n)...)
					r.Source = memory.WithFaults(r.Queue, memory.OverDeliver(50).Always())
					r.Policy.Loop.Execution, r.Policy.Loop.Mode = execution, mode
					r.Policy.Loop.Concurrency.Value = concurrency
					r.Policy.Loop.Batch.Size = 500
					r.Policy.Process = retrying(2, time.Minute, 0)
					r.run(t)
					if got := running.most.Load(); got != int64(concurrency) {
						t.Errorf("%v: up to %d ran at once, want %d", mode, got, concurrency)
					}
					if got := r.consumer.Snapshot().Ended(); got != n {
						t.Errorf("%v: %d transactions ended, want %d", mode, got, n)
					}
				})
			}
		})
	}
}

// [E1, T1] A handler that was given up has no slot any more: the concurrency counts those whose result is waited for.
func TestAbandonedHandlersTakeNoSlot(t *testing.T) {
	const n, concurrency = 60, 3
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		began := time.Now()
		d := newHangingTask()
		r := newRig(ergon.Task{Process: d.process}, numbered(n)...)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency = policy.Concurrency{Value: concurrency, Headroom: n + 1}
		r.Policy.Process = once(time.Second)
		r.Policy.Settle.Interval = 0
		r.run(t)
		if got, want := time.Since(began), n/concurrency*time.Second; got != want {
			t.Errorf("the loop took %v, want %v", got, want)
		}
		wantCounts(t, r, n, 0)
		close(d.release)
		synctest.Wait()
		wantCounts(t, r, 0, n)
	})
}

// [E1]
func TestSyncTransactionStaysOnOneOfAFixedNumberOfGoroutines(t *testing.T) {
	const n, concurrency = 500, 4
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		goroutines := map[uint64]int{}
		of := map[string]uint64{}
		see := func(tx ergon.Transaction) {
			mu.Lock()
			id := goroutine()
			if first, ok := of[tx.ID()]; ok && first != id {
				t.Errorf("transaction %s runs on goroutine %d, and has run on %d", tx.ID(), id, first)
			}
			of[tx.ID()] = id
			goroutines[id]++
			mu.Unlock()
			time.Sleep(time.Millisecond)
		}
		attempts := newTally()
		r := newRig(ergon.Task{
			Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				see(tx)
				if attempts.add(tx.ID()) == 1 {
					return nil, errScripted
				}
				return nil, nil
			},
			Success: func(_ context.Context, tx ergon.Transaction, _ any) error {
				see(tx)
				return ergon.Business(errScripted)
			},
			Exception: func(_ context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
				see(tx)
				return ergon.Discard(), nil
			},
		}, numbered(n)...)
		r.Policy.Loop.Execution = policy.ExecutionSync
		r.Policy.Loop.Concurrency.Value = concurrency
		r.Policy.Process = retrying(2, time.Second, time.Millisecond)
		r.run(t)
		if len(of) != n || len(goroutines) != concurrency {
			t.Errorf("%d transactions ran on %d goroutines, want %d on %d", len(of), len(goroutines), n, concurrency)
		}
		for id, calls := range goroutines {
			if calls < 4*n/concurrency/2 {
				t.Errorf("goroutine %d had %d of %d calls", id, calls, 4*n)
			}
		}
	})
}

// goroutine returns the number of the calling goroutine, as stacks show it.
func goroutine() uint64 {
	var stack [64]byte
	text := bytes.TrimPrefix(stack[:runtime.Stack(stack[:], false)], []byte("goroutine "))
	text, _, _ = bytes.Cut(text, []byte(" "))
	id, _ := strconv.ParseUint(string(text), 10, 64)
	return id
}

// [E1]
func TestHundredThousandTransactionsAreInFlight(t *testing.T) {
	n := 100_000
	if raceDetector {
		n = 4000 // the race detector knows 8128 goroutines
	}
	perTransaction := blockAll(t, int64(n), func(release <-chan struct{}, _ context.Context) { <-release })
	t.Logf("%d transactions in flight, %d bytes each", n, perTransaction)
	if perTransaction > 4<<10 && !raceDetector {
		t.Errorf("each took %d bytes, want 4 KiB at most", perTransaction)
	}
}

// blockAll has n transactions in flight at once, all of them blocked in block, and returns the memory that each took: heap
// and stacks, its goroutine and its payload included.
func blockAll(tb testing.TB, n int64, block func(release <-chan struct{}, ctx context.Context)) int64 {
	tb.Helper()
	release, all := make(chan struct{}), make(chan struct{})
	var blocked atomic.Int64
	r := newRig(ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
		if blocked.Add(1) == n {
			close(all)
		}
		block(release, ctx)
		return nil, nil
	}})
	r.OnEnd = nil
	r.Source = memory.NewGenerator(n, nil)
	r.Policy.Loop.Execution = policy.ExecutionAsync
	r.Policy.Loop.Concurrency.Value = int(n)
	r.Policy.Loop.Batch.Size = 1000
	r.Policy.Process = once(5 * time.Minute)
	before := inUse()
	r.start(tb.Context(), tb)
	select {
	case <-all:
	case <-r.done:
		tb.Fatalf("the loop ended with %v", r.err)
	}
	perTransaction := (inUse() - before) / n
	if got := r.consumer.Snapshot(); got.InFlight != n || got.Started != n {
		tb.Errorf("got %d in flight and %d started, want %d", got.InFlight, got.Started, n)
	}
	close(release)
	if err := r.wait(); err != nil {
		tb.Fatalf("running the loop: %v", err)
	}
	if got := r.consumer.Snapshot().Outcomes[pipeline.Succeeded]; got != n {
		tb.Errorf("%d transactions succeeded, want %d", got, n)
	}
	return perTransaction
}

// What a transaction costs that waits: with nothing but its goroutine, and as a handler that heeds its context.
func BenchmarkMemoryPerBlockedTransaction(b *testing.B) {
	for name, block := range map[string]func(release <-chan struct{}, ctx context.Context){
		"blocked": func(release <-chan struct{}, _ context.Context) { <-release },
		"heeding": func(release <-chan struct{}, ctx context.Context) {
			select {
			case <-release:
			case <-ctx.Done():
			}
		},
		"timeout": func(release <-chan struct{}, ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			select {
			case <-release:
			case <-ctx.Done():
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(float64(blockAll(b, 100_000, block)), "bytes/tx")
			}
		})
	}
}
