package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// napping is a handler of one second.
func napping() ergon.Task {
	return ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
		sleep(time.Second)
		return nil, ctx.Err()
	}}
}

func TestPausedLoopFinishesWhatItHasAndFetchesNothingUntilItIsResumed(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(napping(), "a", "b", "c")
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
		r := newRig(napping(), "a")
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
		r := newRig(napping(), numbered(40)...)
		r.Policy.Loop.Execution = execution
		r.start(t.Context(), t)
		for _, step := range []struct {
			set    int
			atWork int64
		}{{0, 1}, {5, 5}, {2, 2}} {
			if step.set > 0 {
				if err := r.consumer.SetConcurrency(step.set); err != nil {
					t.Fatal(err)
				}
			}
			sleep(1100 * time.Millisecond)
			synctest.Wait()
			if got := r.consumer.Snapshot().Active[policy.PhaseProcess]; got != step.atWork {
				t.Errorf("after setting %d: %d at work, want %d", step.set, got, step.atWork)
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
