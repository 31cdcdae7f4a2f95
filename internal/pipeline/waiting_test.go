package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// waiting is a task that notes its attempts. The first of each transaction that is named fails, to be tried again after that.
func waiting(j *journal, after map[string]time.Duration, takes time.Duration) ergon.Task {
	seen := newTally()
	return ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
		j.note(tx.ID())
		if d, ok := after[tx.ID()]; ok && seen.add(tx.ID()) == 1 {
			return nil, ergon.RetryAfter(errDown, d)
		}
		sleep(takes)
		return nil, ctx.Err()
	}}
}

// [R5] A backoff of more than a second holds no slot, one of a second does.
func TestLongBackoffHoldsNoSlot(t *testing.T) {
	for d, want := range map[time.Duration][]string{
		time.Second:     {"0s a", "1s a", "1s b"},
		time.Second + 1: {"0s a", "0s b", "1.000000001s a"},
	} {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			j := newJournal()
			r := newRig(waiting(j, map[string]time.Duration{"a": d}, 0), "a", "b")
			r.Policy.Loop.Execution = execution
			r.run(t)
			j.want(t, want...)
			if s := r.consumer.Snapshot(); s.Outcomes[pipeline.Succeeded] != 2 || s.Retries != 1 || s.Waiting != 0 {
				t.Errorf("succeeded %d, retries %d, waiting %d; want 2, 1, 0", s.Outcomes[pipeline.Succeeded], s.Retries, s.Waiting)
			}
		})
	}
}

// [R5] So it is in each phase, and in a producing loop.
func TestEachPhaseWaitsWithoutASlot(t *testing.T) {
	for _, phase := range []policy.Phase{policy.PhaseProcess, policy.PhaseSuccess, policy.PhaseException} {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			j, seen := newJournal(), newTally()
			at := func(here policy.Phase, tx ergon.Transaction) error {
				if here != phase {
					return nil
				}
				j.note(tx.ID())
				if tx.ID() == "a" && seen.add("a") == 1 {
					return errDown
				}
				return nil
			}
			task := ergon.Task{
				Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
					if phase == policy.PhaseException {
						return nil, ergon.Business(errRefused)
					}
					return nil, at(policy.PhaseProcess, tx)
				},
				Success: func(_ context.Context, tx ergon.Transaction, _ any) error { return at(policy.PhaseSuccess, tx) },
				Exception: func(_ context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
					return ergon.Disposition{}, at(policy.PhaseException, tx)
				},
			}
			r := newRig(task, "a", "b")
			r.Policy.Loop.Execution = execution
			step := retrying(2, time.Second, time.Minute)
			r.Policy.Process, r.Policy.Success, r.Policy.Exception = step, step, step
			r.run(t)
			j.want(t, "0s a", "0s b", "1m0s a")
		})
	}
}

// [R5, T3] What is due comes before what was fetched, and the transaction's clock stands still until it has a slot: of its 5 s
// two passed before the wait was over, so that the second attempt has three.
func TestWhatHasWaitedComesFirstAndItsClockStoodStill(t *testing.T) {
	for takes, want := range map[time.Duration]pipeline.Outcome{
		3*time.Second - 1: pipeline.Succeeded,
		3 * time.Second:   pipeline.DeadLettered,
	} {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			j, seen := newJournal(), newTally()
			r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
				j.note(tx.ID())
				switch {
				case tx.ID() != "a":
					sleep(4 * time.Second)
				case seen.add("a") == 1:
					return nil, ergon.RetryAfter(errDown, 2*time.Second)
				default:
					sleep(takes)
				}
				return nil, nil
			}}, "a", "b", "c", "d")
			r.Policy.Loop.Execution = execution
			r.Policy.Loop.Batch.Prefetch = 1
			r.Policy.Loop.TransactionTimeout = 5 * time.Second
			r.Policy.Process = retrying(2, 5*time.Second, 0)
			r.run(t)
			end := 4*time.Second + takes
			j.want(t, "0s a", "0s b", "4s a", end.String()+" c", (end+4*time.Second).String()+" d")
			if got := r.resultOf(t, "a").Outcome; got != want {
				t.Errorf("a %s when its second attempt takes %s, want %s", got, takes, want)
			}
		})
	}
}

// [R5] While so many wait nothing more is fetched.
func TestFetchingPausesWhileTooManyWait(t *testing.T) {
	for _, c := range []struct{ waiting, fetched int }{{0, 4}, {1, 1}, {3, 3}, {6, 6}} { // 0 is four times the concurrency
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			after := map[string]time.Duration{}
			for _, id := range numbered(8) {
				after[id] = time.Minute
			}
			r := newRig(waiting(newJournal(), after, 0), numbered(8)...)
			r.Policy.Loop.Execution, r.Policy.Loop.Concurrency.Waiting = execution, c.waiting
			r.start(t.Context(), t)
			sleep(time.Minute - 1)
			if s := r.consumer.Snapshot(); int(s.Fetched) != c.fetched || int(s.Waiting) != c.fetched {
				t.Errorf("waiting: %d: %d fetched, %d wait; want %d", c.waiting, s.Fetched, s.Waiting, c.fetched)
			}
			sleep(2)
			if got := r.consumer.Snapshot().Fetched; got <= int64(c.fetched) {
				t.Errorf("waiting: %d: %d fetched once the first need not wait any more, want more than %d", c.waiting, got, c.fetched)
			}
			if err := r.wait(); err != nil {
				t.Fatal(err)
			}
			r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 8})
		})
	}
}

// [R5, L1] A batch waits for what waits of it.
func TestBatchWaitsForBackoffs(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(waiting(j, map[string]time.Duration{"0": time.Minute}, 0), numbered(4)...)
		r.Policy.Loop.Execution, r.Policy.Loop.Mode, r.Policy.Loop.Batch.Size = execution, policy.ModeBatch, 2
		r.run(t)
		j.want(t, "0s 0", "0s 1", "1m0s 0", "1m0s 2", "1m0s 3")
	})
}

// [R5, E3] At shutdown what waits goes back at once, uncounted, while what runs has its grace.
func TestWhatWaitsGoesBackAtShutdown(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(waiting(j, map[string]time.Duration{"a": time.Hour, "b": 2 * time.Hour}, 10*time.Second), "a", "b", "c")
		r.spyOnSettlements(j)
		r.Policy.Loop.Execution, r.Policy.Loop.TransactionTimeout = execution, 0
		if err := r.runFor(t, time.Second); !errors.Is(err, errStopped) {
			t.Errorf("got error %v, want the cause of the context's end", err)
		}
		j.want(t, "0s a", "0s b", "0s c", "1s settle a requeue interrupted, b requeue interrupted", "10s settle c ack")
	})
}

// [R5, T2] Nor does it wait for slots that will never be free: once too many attempts were given up it goes back.
func TestWhatWaitsGoesBackWhenTheHeadroomIsUsedUp(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		release := make(chan struct{})
		task := waiting(j, map[string]time.Duration{"a": time.Hour}, 0)
		process := task.Process
		task.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			if tx.ID() == "b" {
				<-release // whatever becomes of the context
			}
			return process(ctx, tx)
		}
		r := newRig(task, "a", "b", "c")
		r.Policy.Loop.Execution, r.Policy.Loop.TransactionTimeout = execution, 0
		r.Policy.Process = retrying(2, 10*time.Second, 0)
		r.start(t.Context(), t)
		if err := r.wait(); !errors.Is(err, pipeline.ErrHeadroom) {
			t.Errorf("got %v, want ErrHeadroom", err)
		}
		if got := r.settlementsOf("a"); len(got) != 1 || !got[0].Interrupted {
			t.Errorf("got settlements %v of a, want it given back", got)
		}
		if got := time.Since(j.begin); got > time.Minute {
			t.Errorf("the loop ended after %s, want it not to wait for the backoff of a", got)
		}
		close(release)
	})
}

// [R5] A paused loop begins nothing that waits, also where the wait is over already and there was no slot; the clock of the
// transaction stands still.
func TestPausedLoopBeginsNothingThatWaits(t *testing.T) {
	for _, c := range []struct {
		pause time.Duration
		want  []string
	}{
		{time.Second, []string{"0s a", "0s b", "10m1s a"}},     // while it waits
		{3 * time.Second, []string{"0s a", "0s b", "10m3s a"}}, // while it waits for b to end
		{5 * time.Second, []string{"0s a", "0s b", "4s a"}},    // while it runs
	} {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			j := newJournal()
			r := newRig(waiting(j, map[string]time.Duration{"a": 2 * time.Second}, 4*time.Second), "a", "b")
			r.Policy.Loop.Execution = execution
			r.start(t.Context(), t)
			sleep(c.pause)
			r.consumer.Pause()
			sleep(10 * time.Minute) // more than the transaction's timeout
			r.consumer.Resume()
			if err := r.wait(); err != nil {
				t.Fatal(err)
			}
			j.want(t, c.want...)
			r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 2})
		})
	}
}

// [R5] Many waits of many lengths: each ends when it is due, and never is more run at once than there are slots.
func TestWaitsEndWhenTheyAreDue(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		after, ids := map[string]time.Duration{}, numbered(500)
		for i, id := range ids {
			after[id] = time.Second + 1 + time.Duration(i*7919%500)*time.Second
		}
		began, seen := time.Now(), newTally()
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			if seen.add(tx.ID()) == 1 {
				return nil, ergon.RetryAfter(errDown, after[tx.ID()])
			}
			if got := time.Since(began); got != after[tx.ID()] {
				return nil, ergon.Business(fmt.Errorf("%s after %s, want %s", tx.ID(), got, after[tx.ID()]))
			}
			return nil, nil
		}}, ids...)
		r.Policy.Loop.Execution, r.Policy.Loop.TransactionTimeout = execution, 0
		r.Policy.Loop.Concurrency.Waiting = 500
		r.run(t)
		for _, result := range r.all() {
			if result.Err != nil {
				t.Error(result.Err)
			}
		}
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 500})
	})
}

// [R1, R5] A delay of any length means what it says, up to the longest there is: an error's own, a backoff, and that of a requeue.
// Others run meanwhile, and a shutdown ends it.
func TestLongestDelays(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	for name, c := range map[string]struct {
		change func(*rig)
		err    error
	}{
		"of an error":  {func(*rig) {}, ergon.RetryAfter(errDown, longest)},
		"of a policy":  {func(r *rig) { r.Policy.Process.Retry.Backoff = longest }, errDown},
		"of a requeue": {func(r *rig) { r.Policy.Process.Retry.MaxAttempts, r.Policy.Settle.RequeueDelay = 1, longest }, errDown},
	} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
					j.note(tx.ID())
					if tx.ID() == "a" {
						return nil, c.err
					}
					return nil, nil
				}}, "a", "b")
				r.Policy.Process = retrying(2, time.Second, 0)
				r.Policy.Loop.Execution, r.Policy.Loop.TransactionTimeout = execution, 0
				r.Policy.Loop.Concurrency.Waiting = 1
				r.Policy.Loop.OnException = policy.OnExceptionRequeue
				r.Policy.Loop.EmptyQueue.BackoffCap, r.Policy.Loop.EmptyQueue.Interval = 24*time.Hour, 24*time.Hour
				c.change(r)
				r.Policy.Loop.Concurrency.Value = 2
				_ = r.runFor(t, 100*24*time.Hour)
				if got := strings.Join(slices.Sorted(slices.Values(j.all())), ", "); got != "0s a, 0s b" {
					t.Errorf("got %q, want a not to come again", got)
				}
			})
		})
	}
}
