package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// noting has a rig write down the end of each transaction.
func (r *rig) noting(j *journal) {
	r.OnEnd = func(result pipeline.Result) {
		j.note(result.Outcome.String() + " " + result.Transaction.ID())
		r.ended(result)
	}
}

// lateResults are what a handler can do after it was given up.
var lateResults = map[string]func() error{
	"a result":  func() error { return nil },
	"an error":  func() error { return errScripted },
	"a refusal": func() error { return ergon.Business(errScripted) },
	"a panic":   func() error { panic(errScripted) },
	"a goexit": func() error {
		runtime.Goexit()
		return nil
	},
	"an error that cannot be read": func() error { return (*typedFailureError)(nil) },
}

// [T1]
func TestAttemptThatIgnoresItsContextTimesOutAndItsLateResultIsFenced(t *testing.T) {
	for name, late := range lateResults {
		for _, in := range phases {
			t.Run(name+"/"+string(in.phase), func(t *testing.T) {
				inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
					release := make(chan struct{})
					s := inPhase(in.phase, func(context.Context) error {
						<-release
						return late()
					})
					r := newRig(s.task(), "a", "b")
					r.noting(s.journal)
					r.Policy.Loop.Execution = execution
					r.Policy.Loop.Concurrency.Headroom = 10
					for _, step := range []*policy.Step{&r.Policy.Process, &r.Policy.Success, &r.Policy.Exception} {
						*step = retrying(2, 3*time.Second, time.Second)
					}
					r.run(t)
					var want []string
					for _, tx := range []struct {
						id          string
						first, last time.Duration
					}{{"a", 0, 7 * time.Second}, {"b", 7 * time.Second, 14 * time.Second}} {
						want = append(want, at(tx.first, append(append([]string{}, in.before...), string(in.phase))...)...)
						want = append(want, at(tx.first+4*time.Second, string(in.phase))...)
						want = append(want, at(tx.last, append(append([]string{}, in.after...), in.outcome.String()+" "+tx.id)...)...)
					}
					s.want(t, want...)
					wantCounts(t, r, 4, 0)
					close(release)
					synctest.Wait()
					s.want(t, want...)
					wantCounts(t, r, 0, 4)
					for _, id := range []string{"a", "b"} {
						if got := r.settlementsOf(id); len(got) != 1 || got[0].Action != policy.SettleReject {
							t.Errorf("got settlements %v, want one reject", got)
						}
						if err := r.resultOf(t, id).Err; in.phase != policy.PhaseException && !errors.Is(err, ergon.ErrAttemptTimeout) {
							t.Errorf("got %v, want the attempt's timeout", err)
						}
					}
				})
			})
		}
	}
}

func wantCounts(t *testing.T, r *rig, abandoned, late int64) {
	t.Helper()
	got := r.consumer.Snapshot()
	if got.Abandoned != abandoned || got.Late != late || got.Timeouts != abandoned+late {
		t.Errorf("got %d abandoned, %d late and %d timeouts, want %d, %d and %d",
			got.Abandoned, got.Late, got.Timeouts, abandoned, late, abandoned+late)
	}
}

// [T1]
func TestAttemptIsInTimeUntilItsDeadline(t *testing.T) {
	const timeout = 3 * time.Second
	for _, test := range []struct {
		took time.Duration
		want pipeline.Outcome
	}{
		{timeout - 1, pipeline.Succeeded},
		{timeout, pipeline.DeadLettered},
		{timeout + 1, pipeline.DeadLettered},
	} {
		t.Run(test.took.String(), func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
					time.Sleep(test.took)
					return "result", nil
				}}, "a")
				r.noting(j)
				r.Policy.Loop.Execution = execution
				r.Policy.Process = once(timeout)
				r.run(t)
				j.want(t, min(test.took, timeout).String()+" "+test.want.String()+" a")
				time.Sleep(time.Second)
				got := r.resultOf(t, "a")
				if inTime := test.took < timeout; (got.Value == "result") != inTime || (got.Err == nil) != inTime {
					t.Errorf("got value %v and error %v", got.Value, got.Err)
				}
				if got.Err != nil && (ergon.CategoryOf(got.Err) != ergon.CategoryTimeout || !errors.Is(got.Err, ergon.ErrAttemptTimeout)) {
					t.Errorf("got %v, want the attempt's timeout", got.Err)
				}
				if n := r.consumer.Snapshot().Abandoned; n != 0 {
					t.Errorf("got %d abandoned after all have returned, want none", n)
				}
			})
		})
	}
}

// [T1] Deadlines come out of order: each attempt is given up at its own, whatever else runs. 300 need several watchdogs.
func TestEachAttemptIsGivenUpAtItsOwnDeadline(t *testing.T) {
	const n = 300
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		began := time.Now()
		release := make(chan struct{})
		var mu sync.Mutex
		wrong := map[string]time.Duration{}
		r := newRig(ergon.Task{
			Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				i, _ := strconv.Atoi(tx.ID())
				if i%3 == 0 {
					<-release // times out after 100s, the longest of all
					return nil, nil
				}
				time.Sleep(time.Duration(n-i) * time.Millisecond)
				return nil, nil
			},
			Success: func(context.Context, ergon.Transaction, any) error {
				<-release // times out after 10s
				return nil
			},
			Exception: func(_ context.Context, tx ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
				i, _ := strconv.Atoi(tx.ID())
				want := 100 * time.Second
				if cause.Phase == policy.PhaseSuccess {
					want = time.Duration(n-i)*time.Millisecond + 10*time.Second
				}
				if got := time.Since(began); got != want {
					mu.Lock()
					defer mu.Unlock()
					wrong[tx.ID()] = got
				}
				<-release // times out after 1s
				return ergon.Disposition{}, nil
			},
		}, numbered(n)...)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency = policy.Concurrency{Value: n, Headroom: 10 * n}
		r.Policy.Loop.Batch.Size = n
		r.Policy.Process, r.Policy.Success, r.Policy.Exception = once(100*time.Second), once(10*time.Second), once(time.Second)
		r.run(t)
		if got := time.Since(began); got != 101*time.Second {
			t.Errorf("the loop took %v, want 1m41s", got)
		}
		if len(wrong) > 0 {
			t.Errorf("given up at the wrong time: %v", wrong)
		}
		if got := r.consumer.Snapshot().Outcomes[pipeline.HandlerFailed]; got != n {
			t.Errorf("got %d handler failures, want %d", got, n)
		}
		close(release)
		synctest.Wait()
		wantCounts(t, r, 0, 2*n)
	})
}

// [T1] An attempt outlives its transaction; what the engine does with the memory of that must not reach it.
func TestAbandonedAttemptKeepsItsContextWhileOthersGoOn(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		const n = 500
		release := make(chan struct{})
		var stuck sync.WaitGroup
		stuck.Add(n / 50)
		r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			i, _ := strconv.Atoi(tx.ID())
			if i%50 != 0 {
				return nil, nil
			}
			defer stuck.Done()
			deadline, _ := ctx.Deadline()
			<-release
			if scope, ok := spans.ScopeFrom(ctx); !ok || scope.TransactionID != strconv.Itoa(i) ||
				scope.Attempt != 1 || scope.Phase != "process" {
				t.Errorf("transaction %d: got scope %+v of a late attempt", i, scope)
			}
			now, _ := ctx.Deadline()
			cause := context.Cause(ctx)
			if !now.Equal(deadline) || cause != ergon.ErrAttemptTimeout || ctx.Err() != context.DeadlineExceeded { //nolint:errorlint // it itself
				t.Errorf("transaction %d: the context of a late attempt has changed: %v instead of %v, %v", i, now, deadline, cause)
			}
			if tx.ID() != strconv.Itoa(i) || tx.Payload() != strconv.Itoa(i) {
				t.Errorf("transaction %d has become %v", i, tx)
			}
			return nil, fmt.Errorf("late %d", i)
		}}, numbered(n)...)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency = policy.Concurrency{Value: 3, Headroom: 100}
		r.Policy.Process = once(time.Second)
		r.run(t)
		close(release)
		stuck.Wait()
		synctest.Wait()
		got := r.consumer.Snapshot()
		if got.Outcomes[pipeline.Succeeded] != n-n/50 || got.Outcomes[pipeline.DeadLettered] != n/50 {
			t.Errorf("got %v, want %d succeeded and %d dead-lettered", got.Outcomes, n-n/50, n/50)
		}
		wantCounts(t, r, 0, n/50)
		for _, result := range r.all() {
			if i, _ := strconv.Atoi(result.Transaction.ID()); (i%50 == 0) != errors.Is(result.Err, ergon.ErrAttemptTimeout) {
				t.Errorf("transaction %d came to %v, %v", i, result.Outcome, result.Err)
			}
		}
	})
}

// [T1] A handler that heeds its context costs one attempt, not the worker: the result in its hands is late all the same.
func TestResultAtTheDeadlineIsLate(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			j.note("process " + tx.ID())
			if tx.ID() == "a" {
				<-ctx.Done()
			}
			return tx.ID(), nil
		}}, "a", "b")
		r.noting(j)
		r.Policy.Loop.Execution = execution
		r.Policy.Process = retrying(2, time.Second, time.Second)
		r.run(t)
		j.want(t, "0s process a", "2s process a", "3s dead_lettered a", "3s process b", "3s succeeded b")
		synctest.Wait()
		wantCounts(t, r, 0, 2)
	})
}
