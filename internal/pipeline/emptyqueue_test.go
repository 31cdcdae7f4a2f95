package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

var errStopped = errors.New("the test is over")

// runFor runs the loop until d is over and returns what it ended with.
func (r *rig) runFor(t *testing.T, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, errStopped)
	defer cancel()
	r.start(ctx, t)
	return r.wait()
}

// newPolledRig makes a streaming loop over an empty queue that notes each fetch.
func newPolledRig(j *journal) *rig {
	r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
	r.Queue = memory.New(memory.Settings{})
	r.spyOnFetches(j)
	r.Policy.Loop.Streaming = true
	r.Policy.Loop.Batch.Size = 1
	return r
}

// [L3]
func TestStreamingLoopBacksOffFromAnEmptySource(t *testing.T) {
	for _, test := range []struct {
		name   string
		policy policy.EmptyQueue
		until  time.Duration
		want   []string
	}{
		{
			"doubling up to the cap",
			policy.EmptyQueue{Backoff: 100 * time.Millisecond, BackoffMultiplier: 2, BackoffCap: time.Second},
			4600 * time.Millisecond,
			[]string{"0s", "100ms", "300ms", "700ms", "1.5s", "2.5s", "3.5s", "4.5s"},
		},
		{
			"at least the interval",
			policy.EmptyQueue{Backoff: 100 * time.Millisecond, BackoffMultiplier: 2, BackoffCap: time.Second, Interval: 300 * time.Millisecond},
			4 * time.Second,
			[]string{"0s", "300ms", "600ms", "1s", "1.8s", "2.8s", "3.8s"},
		},
		{
			"constant",
			policy.EmptyQueue{Backoff: time.Second, BackoffMultiplier: 1, BackoffCap: time.Second},
			3500 * time.Millisecond,
			[]string{"0s", "1s", "2s", "3s"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothModes(t, func(t *testing.T, shape func(*rig)) {
				j := newJournal()
				r := newPolledRig(j)
				shape(r)
				r.Policy.Loop.EmptyQueue = test.policy
				if err := r.runFor(t, test.until); !errors.Is(err, errStopped) {
					t.Errorf("got error %v, want the cause of the context's end", err)
				}
				want := make([]string, len(test.want))
				for i, at := range test.want {
					want[i] = at + " fetch 1:"
				}
				j.want(t, want...)
			})
		})
	}
}

// [L3] The first transaction that comes resets the backoff.
func TestTransactionResetsTheBackoffOfAnEmptySource(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newPolledRig(j)
		shape(r)
		r.Policy.Loop.EmptyQueue = policy.EmptyQueue{Backoff: 100 * time.Millisecond, BackoffMultiplier: 2, BackoffCap: 10 * time.Second}
		time.AfterFunc(1600*time.Millisecond, func() {
			if err := r.Queue.DispatchTransactions(t.Context(), transactionsOf("a")); err != nil {
				t.Errorf("dispatching: %v", err)
			}
		})
		if err := r.runFor(t, 4*time.Second); !errors.Is(err, errStopped) {
			t.Errorf("got error %v, want the cause of the context's end", err)
		}
		j.want(t,
			"0s fetch 1:", "100ms fetch 1:", "300ms fetch 1:", "700ms fetch 1:", "1.5s fetch 1:",
			"3.1s fetch 1: a",
			"3.1s fetch 1:", "3.2s fetch 1:", "3.4s fetch 1:", "3.8s fetch 1:",
		)
	})
}

// [L3] Jitter only ever shortens a wait, by its part at most, and never below the interval.
func TestJitterOfTheBackoffFromAnEmptySource(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		r := newPolledRig(newJournal())
		shape(r)
		var fetches []time.Time
		r.Source = fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) {
			fetches = append(fetches, time.Now())
			return nil, nil
		})
		r.withDeadLetters(dispatchFunc(nil))
		const least = 90 * time.Millisecond
		r.Policy.Loop.EmptyQueue = policy.EmptyQueue{
			Backoff: 100 * time.Millisecond, BackoffMultiplier: 1, BackoffCap: time.Second, Jitter: 0.2, Interval: least,
		}
		_ = r.runFor(t, time.Minute)
		shortest, longest := time.Hour, time.Duration(0)
		for i, at := range fetches[1:] {
			wait := at.Sub(fetches[i])
			shortest, longest = min(shortest, wait), max(longest, wait)
		}
		if shortest != least || longest <= least || longest > 100*time.Millisecond {
			t.Errorf("got waits from %s to %s, want them from %s to 100ms", shortest, longest, least)
		}
	})
}

// [L3] Whatever a loop meets, its default policy never has it spin.
func TestDefaultPolicyNeverSpins(t *testing.T) {
	ok := func(context.Context, ergon.Transaction) (any, error) { return nil, nil }
	type source = func(call int) ([]ergon.Transaction, error)
	empty := func(int) ([]ergon.Transaction, error) { return nil, nil }
	once := func(call int) ([]ergon.Transaction, error) {
		if call == 1 {
			return transactionsOf("a"), nil
		}
		return nil, nil
	}
	for _, test := range []struct {
		name      string
		streaming bool
		task      ergon.Task
		source    source
		most      int
	}{
		// 100 ms doubling to 5 s, a fifth less at random
		{"empty source", true, ergon.Task{Process: ok}, empty, 8 + 150},
		{"source that ran empty", true, ergon.Task{Process: ok}, once, 9 + 150},
		{"empty source while something runs for long", false, ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			<-ctx.Done() // for 3 times 30 s, and again when it is requeued
			return nil, ctx.Err()
		}}, once, 9 + 150},
		{
			"handler that panics", true,
			ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { panic("broken") }},
			once, 9 + 150,
		},
		{"source that fails", true, ergon.Task{Process: ok}, func(int) ([]ergon.Transaction, error) { return nil, errors.New("down") }, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothModes(t, func(t *testing.T, shape func(*rig)) {
				r := newRig(test.task)
				r.Policy = policy.DefaultConsumer()
				shape(r)
				r.Policy.Loop.Streaming = test.streaming
				calls := 0
				r.Source = fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) {
					calls++
					return test.source(calls)
				})
				r.withDeadLetters(memory.New(memory.Settings{}))
				_ = r.runFor(t, 10*time.Minute)
				if calls > test.most {
					t.Errorf("got %d fetches in 10 minutes, want %d at most", calls, test.most)
				}
			})
		})
	}
}

// [L3] A loop that does not stream ends once its source is empty.
func TestFiniteLoopEndsWithAnEmptySource(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newTimedRig(seconds(1, 2)...)
		shape(r)
		r.Source = fetchFunc(r.Queue.FetchTransactions) // nothing is settled, and so the queue never says that it is exhausted
		r.Policy.Loop.DeadLetter, r.DeadLetters = "dead_letters", memory.New(memory.Settings{})
		r.run(t)
		j.note("end")
		j.want(t, "2s end")
	})
}

// [L3] A source that says that it is exhausted is not asked again, not even by a streaming loop, and what it brought last is
// drained first.
func TestLoopEndsWithAnExhaustedSourceAfterDraining(t *testing.T) {
	for _, streaming := range []bool{false, true} {
		inBothModes(t, func(t *testing.T, shape func(*rig)) {
			j := newJournal()
			r := newTimedRig(seconds(1, 3)...)
			shape(r)
			r.Policy.Loop.Streaming = streaming
			calls := 0
			txs, err := r.Queue.FetchTransactions(t.Context(), 2)
			if err != nil {
				t.Fatal(err)
			}
			r.Source = struct {
				ergon.Fetcher
				capability.Settler
			}{fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) {
				calls++
				return txs, ergon.ErrExhausted
			}), r.Queue}
			r.run(t)
			j.note("end")
			j.want(t, "3s end")
			if calls != 1 {
				t.Errorf("streaming %t: got %d fetches, want one", streaming, calls)
			}
			if got := r.consumer.Snapshot().Outcomes[pipeline.Succeeded]; got != 2 {
				t.Errorf("streaming %t: got %d succeeded, want 2", streaming, got)
			}
		})
	}
}

// [L3] What comes back while the last ones run is still fetched: a source is empty when nothing is in flight any more.
func TestFiniteLoopWaitsForWhatMayComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			time.Sleep(time.Second)
			if tx.ID() == "a" && tx.Delivery().Count < 3 {
				return nil, ergon.Business(errRefused)
			}
			return nil, nil
		}}, "a", "b")
		r.Policy.Loop.Concurrency.Value = 2
		r.Policy.Loop.OnException = policy.OnExceptionRequeue
		r.Policy.Settle.RequeueDelay = 0
		r.run(t)
		if got := r.consumer.Snapshot().Outcomes; got[pipeline.Succeeded] != 2 || got[pipeline.Requeued] != 2 {
			t.Errorf("got outcomes %v, want a requeued twice and both succeeded", got)
		}
	})
}

// [L3] How long a loop took is how long its work took, whatever its source waits for at the end.
func TestElapsedTimeIsThatOfTheWorkAndNotOfTheLastWait(t *testing.T) {
	const lastWait = 20 * time.Second
	for name, finite := range map[string]bool{"exhausted": true, "empty": false} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
					time.Sleep(3 * time.Second)
					return nil, nil
				}})
				r.Queue = memory.New(memory.Settings{Transactions: transactionsOf("a", "b"), Finite: finite, MaxWait: lastWait})
				r.Source, r.Policy.Loop.Execution = r.Queue, execution
				began := time.Now()
				r.run(t)
				if got, latest := r.consumer.Snapshot().Elapsed, 6*time.Second+r.Policy.Settle.Interval; got < 6*time.Second || got > latest {
					t.Errorf("got %s, want 6s to %s", got, latest)
				}
				if waited := time.Since(began); !finite && waited < lastWait {
					t.Errorf("it ended after %s: there was no last wait", waited)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // where nothing was done, the wait is all there is
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
		r.Queue = memory.New(memory.Settings{MaxWait: lastWait})
		r.Source = r.Queue
		r.run(t)
		if got := r.consumer.Snapshot().Elapsed; got != lastWait {
			t.Errorf("got %s, want what the source waited, %s", got, lastWait)
		}
	})
}

// [L3] A finite loop says that it waits for what it has requeued, as long as nothing else is left.
func TestFiniteLoopCountsWhatItWaitsFor(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		var r *rig
		r = newRig(ergon.Task{
			Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				time.Sleep(time.Second)
				if tx.Delivery().Count == 1 {
					return nil, ergon.Business(errRefused)
				}
				if n := r.consumer.Snapshot().Returning; n != 0 {
					t.Errorf("it waits for %d while one of them is here", n)
				}
				return nil, nil
			},
			Exception: func(context.Context, ergon.Transaction, *ergon.TransactionError) (ergon.Disposition, error) {
				return ergon.Requeue(time.Hour), nil
			},
		})
		r.Queue = memory.New(memory.Settings{Transactions: transactionsOf("a", "b")})
		r.Source, r.Policy.Loop.Execution = r.Queue, execution
		r.start(t.Context(), t)
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if s := r.consumer.Snapshot(); s.Returning != 2 || s.InFlight != 0 {
			t.Errorf("it waits for %d, and %d are in flight; want 2 and none", s.Returning, s.InFlight)
		}
		if err := r.wait(); err != nil {
			t.Error(err)
		}
		if s := r.consumer.Snapshot(); s.Returning != 0 || s.Outcomes[pipeline.Succeeded] != 2 {
			t.Errorf("got %+v", s)
		}
	})
}
