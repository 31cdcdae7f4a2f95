package runner_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// slowTask takes a second for each transaction.
func slowTask() func(*ergon.Dependencies) ergon.Task {
	return processor(func(context.Context, ergon.Transaction) (any, error) {
		time.Sleep(time.Second)
		return "done", nil
	})
}

func TestAllWorkersOfATaskArePausedAndSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := configure("triage", finiteQueue(100), slowTask())
		cfg.Workers.Count, cfg.Consumer.Loop.Concurrency.Value = 2, 1
		m := manage(t, runner.Settings{}, cfg)
		var run sync.WaitGroup
		run.Go(func() {
			if _, err := m.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(500 * time.Millisecond)
		for _, err := range []error{m.Pause(t.Context(), "triage"), m.SetConcurrency(t.Context(), "triage", 5)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		p := m.Progress()[0]
		if !p.Snapshot.Paused || p.Snapshot.Started != 2 || p.Snapshot.Concurrency != 10 || p.Each[1].Snapshot.Concurrency != 5 {
			t.Errorf("got %+v, want 2 started and room for 5 in each worker", p.Snapshot)
		}
		if err := m.Resume(t.Context(), "triage"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
		if s := m.Progress()[0].Snapshot; s.Paused || s.Active[policy.PhaseProcess] != 10 {
			t.Errorf("got %+v, want 10 at work", s)
		}
		run.Wait()
	})
}

// [L6] Controls hold after a restart.
func TestWhatWasSetHoldsForTheNextLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.WithFaults(memory.New(memory.Settings{}), memory.Fail(memory.OnFetch, nil).Times(3))
		cfg := configure("triage", queue, slowTask())
		cfg.Consumer.Loop.Streaming = true
		cfg.Consumer.Fetch.Retry.MaxAttempts = 1
		ctx, cancel := context.WithCancel(t.Context())
		m := manage(t, runner.Settings{}, cfg)
		var run sync.WaitGroup
		run.Go(func() { _, _ = m.Run(ctx) })
		time.Sleep(100 * time.Millisecond)
		if err := errors.Join(m.SetConcurrency(t.Context(), "triage", 3), m.Pause(t.Context(), "triage")); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if p := m.Progress()[0]; !p.Snapshot.Paused || p.Snapshot.Concurrency != 3 || p.Each[0].State != runner.WorkerRunning {
			t.Errorf("got %+v, want paused and 3 in the current run", p.Each[0])
		}
		cancel()
		run.Wait()
	})
}

func TestWhatCannotBeChangedIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		adapting := configure("adapting", finiteQueue(1), slowTask())
		adapting.Consumer.Loop.Concurrency = policy.Concurrency{Value: 2, Min: 1, Max: 4}
		m := manage(t, runner.Settings{}, configure("triage", finiteQueue(1), slowTask()), adapting)
		if err := m.Pause(t.Context(), "triage"); !errors.Is(err, runner.ErrUsage) {
			t.Errorf("before the run: %v", err)
		}
		var run sync.WaitGroup
		run.Go(func() { _, _ = m.Run(t.Context()) })
		time.Sleep(500 * time.Millisecond)
		var unknown *runner.UnknownTaskError
		if err := m.Pause(t.Context(), "traige"); !errors.As(err, &unknown) {
			t.Errorf("an unknown task: %v", err)
		}
		for task, n := range map[string]int{"triage": 0, "adapting": 2} {
			if err := m.SetConcurrency(t.Context(), task, n); !errors.Is(err, runner.ErrUsage) {
				t.Errorf("%s set to %d: %v", task, n, err)
			}
		}
		run.Wait()
		if err := m.Resume(t.Context(), "triage"); !errors.Is(err, runner.ErrUsage) {
			t.Errorf("after the run: %v", err)
		}
	})
}
