package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// slowTask is a handler of one second.
func slowTask() ergon.Task {
	return ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
		sleep(time.Second)
		return nil, ctx.Err()
	}}
}

func TestPausedLoopFinishesWhatItHasAndFetchesNothingUntilItIsResumed(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(slowTask(), "a", "b", "c")
		r.Policy.Loop.Execution = execution
		r.start(t.Context(), t)
		sleep(500 * time.Millisecond)
		r.consumer.Pause()
		sleep(time.Hour)
		if s := r.consumer.Snapshot(); !s.Paused || s.Fetched != 1 || s.Outcomes[pipeline.Succeeded] != 1 {
			t.Errorf("paused %v, fetched %d, succeeded %d; want true, 1, 1", s.Paused, s.Fetched, s.Outcomes[pipeline.Succeeded])
		}
		r.consumer.Resume()
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if s := r.consumer.Snapshot(); s.Paused || s.Outcomes[pipeline.Succeeded] != 3 {
			t.Errorf("paused %v, succeeded %d; want false, 3", s.Paused, s.Outcomes[pipeline.Succeeded])
		}
	})
}

func TestPausedLoopStopsWhenItIsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		r := newRig(slowTask(), "a")
		r.start(ctx, t)
		r.consumer.Pause()
		sleep(time.Minute)
		stop := errors.New("enough")
		cancel(stop)
		if err := r.wait(); !errors.Is(err, stop) {
			t.Errorf("got %v, want the cause of the end", err)
		}
	})
}

func TestConcurrencyIsChangedWhileTheLoopRuns(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(slowTask(), numbered(40)...)
		r.Policy.Loop.Execution = execution
		r.start(t.Context(), t)
		for _, step := range []struct {
			set     int
			running int64
		}{{0, 1}, {5, 5}, {2, 2}} {
			if step.set > 0 {
				if err := r.consumer.SetConcurrency(step.set); err != nil {
					t.Fatal(err)
				}
			}
			sleep(1100 * time.Millisecond)
			synctest.Wait()
			if got := r.consumer.Snapshot().Active[policy.PhaseProcess]; got != step.running {
				t.Errorf("after setting %d: %d at work, want %d", step.set, got, step.running)
			}
		}
		if err := r.wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestConcurrencyThatCannotBeIsRefused(t *testing.T) {
	fixed, adapting := policy.Concurrency{Value: 4}, policy.Concurrency{Value: 4, Min: 1, Max: 8}
	for _, c := range []struct {
		policy policy.Concurrency
		n      int
		ok     bool
	}{{fixed, 0, false}, {fixed, 1, true}, {fixed, 1_000_000, true}, {fixed, 1_000_001, false}, {adapting, 4, false}} {
		if err := pipeline.CheckConcurrency(c.policy, c.n); (err == nil) != c.ok {
			t.Errorf("%+v set to %d: %v", c.policy, c.n, err)
		}
	}
}

// A pause holds from the moment at which it is acknowledged: a fetch that waits then brings nothing any more, whatever arrives
// later; what arrived is there when the loop is resumed.
func TestFetchThatWaitsEndsWhenTheLoopIsPaused(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			j.note("process " + tx.ID())
			return nil, nil
		}})
		r.Queue = memory.New(memory.Settings{MaxWait: 20 * time.Second})
		r.Source = r.Queue
		r.Policy.Loop.Execution, r.Policy.Loop.Streaming = execution, true
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		sleep(5 * time.Second)
		r.consumer.Pause()
		if err := r.Queue.DispatchTransactions(t.Context(), transactionsOf("a")); err != nil {
			t.Fatal(err)
		}
		sleep(time.Hour)
		if n, _ := r.Queue.CountTransactions(t.Context()); n != 1 || r.consumer.Snapshot().Fetched != 0 {
			t.Errorf("the queue holds %d, fetched %d; want 1, 0", n, r.consumer.Snapshot().Fetched)
		}
		j.note("resume")
		r.consumer.Resume()
		sleep(time.Second)
		cancel()
		_ = r.wait()
		j.want(t, "1h0m5s resume", "1h0m5s process a")
	})
}

// What a fetch brings although the pause has cancelled it goes back at once, as if it had never been fetched: another worker
// gets it, and so does this one once it is resumed.
func TestWhatAFetchBringsInAPauseGoesBack(t *testing.T) {
	for _, hangingTask := range []bool{false, true} {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			j := newJournal()
			r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				j.note(fmt.Sprintf("process %s, delivery %d", tx.ID(), tx.Delivery().Count))
				return nil, nil
			}}, "a", "b")
			r.Source = &slowSource{Queue: r.Queue, takes: 10 * time.Second, hangingTask: hangingTask}
			r.Policy.Loop.Execution, r.Policy.Loop.Concurrency.Value = execution, 2
			r.start(t.Context(), t)
			sleep(5 * time.Second)
			r.consumer.Pause()
			if hangingTask {
				sleep(5*time.Second - 1)
				if got := len(r.Queue.Settlements()); got != 0 {
					t.Errorf("%d settlements before the fetch has ended, want 0", got)
				}
			}
			sleep(2)
			for _, id := range []string{"a", "b"} {
				if got := r.settlementsOf(id); len(got) != 1 || !got[0].Interrupted || got[0].Delay != 0 {
					t.Errorf("settlements of %s after the fetch: %v, want one that gives it back", id, got)
				}
			}
			sleep(time.Hour)
			j.want(t)
			r.consumer.Resume()
			if err := r.wait(); err != nil {
				t.Fatal(err)
			}
			resumed := "1h0m15.000000002s "
			if hangingTask {
				resumed = "1h0m20.000000001s "
			}
			j.want(t, resumed+"process a, delivery 1", resumed+"process b, delivery 1")
			if s := r.consumer.Snapshot(); s.Fetched != 2 || s.Outcomes[pipeline.Succeeded] != 2 {
				t.Errorf("fetched %d, succeeded %d; want 2, 2", s.Fetched, s.Outcomes[pipeline.Succeeded])
			}
		})
	}
}

// slowSource returns what a fetch brings some time after the source has handed it out. A hangingTask one does so whatever becomes of
// the context, the other one as soon as that has ended [K8].
type slowSource struct {
	*memory.Queue
	takes       time.Duration
	hangingTask bool
}

func (s *slowSource) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	txs, err := s.Queue.FetchTransactions(ctx, limit)
	ended := ctx.Done()
	if s.hangingTask {
		ended = nil
	}
	select {
	case <-time.After(s.takes):
	case <-ended:
	}
	return txs, err
}

// A source that takes nothing back is not cancelled, so that nothing of it is lost: what the fetch brings waits for the end of
// the pause, and keeps its place.
func TestWhatCannotGoBackWaitsForTheEndOfThePause(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			j.note("process " + tx.ID())
			return nil, nil
		}}, "a", "b", "c")
		source := &slowSource{Queue: r.Queue, takes: 10 * time.Second}
		r.Source = fetchOnly{source}
		r.Policy.Loop.DeadLetter, r.Policy.Loop.OnException = "", policy.OnExceptionDiscard
		r.Policy.Loop.Execution, r.Policy.Loop.Concurrency.Value = execution, 2
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		sleep(5 * time.Second)
		r.consumer.Pause()
		sleep(time.Minute)
		j.want(t)
		r.consumer.Resume()
		sleep(9 * time.Second)
		r.consumer.Pause()
		sleep(time.Minute)
		cancel()
		_ = r.wait()
		began := j.all()
		slices.Sort(began) // two workers begin at the same time
		if diff := cmp.Diff([]string{"1m5s process a", "1m5s process b"}, began); diff != "" {
			t.Errorf("what happened (-want +got):\n%s", diff)
		}
		if got := r.consumer.Snapshot().Outcomes; got[pipeline.Succeeded] != 2 || got[pipeline.Interrupted] != 1 {
			t.Errorf("got outcomes %v, want two that succeeded and the one that was held interrupted", got)
		}
	})
}

type fetchOnly struct{ ergon.Fetcher }

// Two pauses while one fetch is in progress, and one between two: none is taken for a failure of the source.
func TestPausesAreNoFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(slowTask(), numbered(9)...)
		r.Queue = memory.New(memory.Settings{Transactions: transactionsOf(numbered(9)...), Finite: true})
		r.Source = &slowSource{Queue: r.Queue, takes: 100 * time.Millisecond}
		r.Policy.Fetch.Retry.MaxAttempts = 1
		r.start(t.Context(), t)
		for range 200 {
			sleep(37 * time.Millisecond)
			r.consumer.Pause()
			sleep(time.Millisecond)
			r.consumer.Resume()
			r.consumer.Resume()
		}
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
		if got := r.consumer.Snapshot().Outcomes[pipeline.Succeeded]; got != 9 {
			t.Errorf("%d succeeded, want 9", got)
		}
	})
}
