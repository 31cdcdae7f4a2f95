package runner_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

func TestProgressIsSeenWhileARunGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := configure("triage", finiteQueue(10), processor(func(context.Context, ergon.Transaction) (any, error) {
			time.Sleep(time.Second)
			return "done", nil
		}))
		cfg.Workers.Count, cfg.Consumer.Loop.Concurrency.Value = 2, 2
		m := manage(t, runner.Settings{}, cfg)
		if got := m.Progress(); got != nil {
			t.Errorf("got %+v before the first run, want none", got)
		}
		var run sync.WaitGroup
		run.Go(func() {
			if _, err := m.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(1500 * time.Millisecond)
		got := m.Progress()
		if len(got) != 1 || got[0].Task != "triage" || got[0].Workers != 2 || got[0].Total != 10 {
			t.Fatalf("got %+v, want triage with 2 workers and 10 transactions in all", got)
		}
		s := got[0].Snapshot
		if s.Started != 8 || s.InFlight != 4 || s.Outcomes[runner.Succeeded] != 4 || s.Concurrency != 4 || s.Elapsed != 1500*time.Millisecond {
			t.Errorf("got %+v after 1.5 s, want 4 succeeded and 4 in flight", s)
		}
		if _, err := m.Run(t.Context()); !errors.Is(err, runner.ErrUsage) {
			t.Errorf("got error %v of a second run at once, want %v", err, runner.ErrUsage)
		}
		run.Wait()
		s = m.Progress()[0].Snapshot
		if s.Ended() != 10 || s.InFlight != 0 || s.Elapsed != 3*time.Second {
			t.Errorf("got %+v in the end, want 10 ended in 3 s", s)
		}
	})
}

func TestManagerRunsAgainAfterARun(t *testing.T) {
	queue := finiteQueue(1)
	m := manage(t, runner.Settings{}, configure("triage", queue, processor(nil)))
	for range 2 {
		if _, err := m.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.Progress()[0].Snapshot.Fetched; got != 0 {
		t.Errorf("got %d fetched, want the progress of the second run: 0", got)
	}
}

// counting is a source that counts.
type counting struct {
	*memory.Queue
	count func(context.Context) (int64, error)
}

func (c counting) CountTransactions(ctx context.Context) (int64, error) { return c.count(ctx) }

func TestTotalIsAskedOnceAndBounded(t *testing.T) {
	for name, c := range map[string]struct {
		source func(*atomic.Int32) any
		limit  int64
		want   int64
		took   time.Duration
	}{
		"known": {func(calls *atomic.Int32) any {
			return counting{finiteQueue(0), func(context.Context) (int64, error) { return 40 + int64(calls.Add(1)), nil }}
		}, 0, 41, 0},
		"limit below": {func(*atomic.Int32) any { return finiteQueue(20) }, 5, 5, 0},
		"limit above": {func(*atomic.Int32) any { return finiteQueue(4) }, 5, 4, 0},
		"no counter": {func(*atomic.Int32) any {
			return fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) { return nil, ergon.ErrExhausted })
		}, 0, -1, 0},
		"failure": {func(*atomic.Int32) any {
			return counting{finiteQueue(0), func(context.Context) (int64, error) { return 7, errBroken }}
		}, 0, -1, 0},
		"panic": {func(*atomic.Int32) any {
			return counting{finiteQueue(0), func(context.Context) (int64, error) { panic("no") }}
		}, 0, -1, 0},
		"slow": {func(*atomic.Int32) any {
			return counting{finiteQueue(0), func(ctx context.Context) (int64, error) {
				<-ctx.Done()
				return 7, ctx.Err()
			}}
		}, 0, -1, 3 * time.Second},
		"hanging": {func(*atomic.Int32) any {
			return counting{finiteQueue(0), func(context.Context) (int64, error) {
				time.Sleep(time.Hour)
				return 7, nil
			}}
		}, 0, -1, 3*time.Second + 100*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				cfg := configure("triage", c.source(&calls), processor(nil))
				cfg.Workers.Count, cfg.Consumer.Loop.Limit = 3, c.limit
				var log safeLog
				m := manage(t, runner.Settings{Logger: log.logger()}, cfg)
				start := time.Now()
				if _, err := m.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := m.Progress()[0].Total; got != c.want {
					t.Errorf("got total %d, want %d", got, c.want)
				}
				if got := time.Since(start); got != c.took {
					t.Errorf("it took %s, want %s", got, c.took)
				}
				time.Sleep(time.Hour) // until what hangs has returned
			})
		})
	}
}

// [L2] [E2] The limit holds over all workers together: what one finds nothing for, others take.
func TestLimitHoldsOverAllWorkers(t *testing.T) {
	for name, c := range map[string]struct {
		limit       int64
		sources     []int // how much each worker's own source has
		wantWorkers int
		want        int64
	}{
		"each has enough":       {12, []int{100, 100, 100}, 3, 12},
		"one has nearly all":    {11, []int{1, 100, 0}, 3, 11},
		"fewer than the limit":  {50, []int{10, 20, 5}, 3, 35},
		"more workers than two": {2, []int{100, 100, 100}, 2, 2},
		"one":                   {1, []int{100, 100}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configure("triage", nil, nil)
			var made atomic.Int64
			cfg.Connectors["input"] = ergon.Component{New: func() (any, error) {
				return finiteQueue(c.sources[made.Add(1)-1]), nil
			}}
			cfg.New = func(*ergon.Dependencies) ergon.Task {
				return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}
			}
			cfg.Workers.Count, cfg.Consumer.Loop.Limit = len(c.sources), c.limit
			m := manage(t, runner.Settings{}, cfg)
			summary, err := m.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := summary.Tasks[0].Snapshot.Started; got != c.want {
				t.Errorf("got %d started, want %d", got, c.want)
			}
			if got := m.Progress()[0].Workers; got != c.wantWorkers {
				t.Errorf("got %d workers, want %d", got, c.wantWorkers)
			}
		})
	}
}

func TestSnapshotsOfWorkersAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := configure("triage", nil, nil)
		cfg.Workers.Count = 2
		var worker atomic.Int64
		cfg.New = func(*ergon.Dependencies) ergon.Task {
			n := worker.Add(1)
			return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
				time.Sleep(time.Duration(n) * time.Second)
				return nil, map[int64]error{1: errBroken}[n]
			}}
		}
		cfg.Connectors["input"] = ergon.Component{New: func() (any, error) { return finiteQueue(4), nil }}
		cfg.Consumer.Process.Retry.MaxAttempts, cfg.Consumer.Process.Retry.Backoff = 2, 0
		summary, err := manage(t, runner.Settings{}, cfg).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s := summary.Tasks[0].Snapshot
		if s.Fetched != 8 || s.Started != 8 || s.Outcomes[runner.Succeeded] != 4 || s.Outcomes[runner.Discarded] != 4 ||
			s.Retries != 4 || s.Elapsed != 2*time.Second {
			t.Errorf("got %+v, want 8 fetched, 4 of them succeeded, 4 discarded after a retry, in 2 s", s)
		}
		// eight attempts of 1 s and four of 2 s
		p := s.Phases[policy.PhaseProcess]
		near := func(got, want time.Duration) bool { return (got - want).Abs() <= want*7/100 }
		if p.Count != 12 || !near(p.P50, time.Second) || !near(p.P99, 2*time.Second) || !near(p.Max, 2*time.Second) {
			t.Errorf("got %+v, want the percentiles of all twelve: 1 s and 2 s", p)
		}
	})
}
