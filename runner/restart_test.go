package runner_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// streaming is a task in virtual time whose source is a script: what the nth run does, from 1, at its nth fetch.
type streaming struct {
	journal journal
	started time.Time
	runs    int
	config  ergon.TaskConfig
}

func newStreaming(fetch func(run, call int) ([]ergon.Transaction, error)) *streaming {
	s := &streaming{started: time.Now()}
	s.config = configure("triage", nil, processor(nil))
	s.config.Consumer.Loop.Streaming = true
	empty := &s.config.Consumer.Loop.EmptyQueue
	empty.Backoff, empty.BackoffCap = 10*time.Second, 10*time.Second
	s.config.Connectors["input"] = ergon.Component{Type: "script", New: func() (any, error) {
		s.runs++
		run, call := s.runs, 0
		p := &part{journal: &s.journal, name: "input"}
		p.onOpen = func(context.Context) error {
			s.journal.addf("at %s", time.Since(s.started))
			return nil
		}
		return struct {
			ergon.Fetcher
			*part
		}{fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) {
			call++
			return fetch(run, call)
		}), p}, nil
	}}
	return s
}

// opens are the times at which runs began.
func (s *streaming) opens() []string {
	var times []string
	for _, e := range s.journal.all() {
		if len(e) > 3 && e[:3] == "at " {
			times = append(times, e[3:])
		}
	}
	return times
}

func (s *streaming) wantOpens(t *testing.T, want ...string) {
	t.Helper()
	(&journal{events: s.opens()}).want(t, want...)
}

func (s *streaming) run(ctx context.Context, t *testing.T) (runner.Summary, error) {
	t.Helper()
	endless := errors.New("it does not end by itself")
	ctx, cancel := context.WithTimeoutCause(ctx, 24*time.Hour, endless) // on the clock of its bubble
	defer cancel()
	summary, err := manage(t, runner.WithoutJitter(runner.Settings{}), s.config).Run(ctx)
	if errors.Is(err, endless) {
		t.Error(err)
	}
	return summary, err
}

func one() []ergon.Transaction { return []ergon.Transaction{ergon.NewTransaction("", nil)} }

// [L6] 0.5 s, doubling up to 30 s, everything opened anew each time; given up after ten runs that fetched nothing.
func TestStreamingWorkerWhoseSourceFailsIsRestartedWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(func(int, int) ([]ergon.Transaction, error) { return nil, errBroken })
		_, err := s.run(t.Context(), t)
		s.wantOpens(t, "0s", "500ms", "1.5s", "3.5s", "7.5s", "15.5s", "31.5s", "1m1.5s", "1m31.5s", "2m1.5s")
		wantErrorText(t, err, `task "triage": given up after 10 starts in a row that fetched nothing: fetch from connector "input"`)
		if !errors.Is(err, errBroken) {
			t.Errorf("got error %v, want it to be %v", err, errBroken)
		}
		wantExitCode(t, err, 1)
		if got := time.Since(s.started); got != 2*time.Minute+1500*time.Millisecond {
			t.Errorf("it took %s, want it to end with the tenth run", got)
		}
		events := s.journal.all()
		if got := events[len(events)-1]; got != "close input" {
			t.Errorf("got %q at the end, want the last run closed", got)
		}
	})
}

// [L6]
func TestWorkerThatIsNotStreamingEndsWithTheFetchError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(func(int, int) ([]ergon.Transaction, error) { return nil, errBroken })
		s.config.Consumer.Loop.Streaming = false
		_, err := s.run(t.Context(), t)
		wantErrorText(t, err, `task "triage": fetch from connector "input": `)
		s.wantOpens(t, "0s")
	})
}

func TestWorkerWhoseSourceCannotBeOpenedAgainIsRestartedAsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(func(run, _ int) ([]ergon.Transaction, error) {
			if run == 3 {
				return nil, ergon.ErrExhausted
			}
			return nil, errBroken
		})
		script := s.config.Connectors["input"].New
		s.config.Connectors["input"] = ergon.Component{New: func() (any, error) {
			made, err := script()
			if s.runs == 2 {
				return &part{journal: &s.journal, name: "input", onOpen: failing}, err
			}
			return made, err
		}}
		if _, err := s.run(t.Context(), t); err != nil {
			t.Error(err)
		}
		s.wantOpens(t, "0s", "1.5s")
	})
}

// [L6] A run of a minute makes the next delay the shortest again; one of less does not.
func TestRestartDelaysBeginAnewAfterAMinute(t *testing.T) {
	for name, c := range map[string]struct {
		fails int // the call of the fourth run that fails; calls are 10 s apart
		want  []string
	}{
		"a minute":         {7, []string{"0s", "500ms", "1.5s", "3.5s", "1m4s"}},
		"10 s less":        {6, []string{"0s", "500ms", "1.5s", "3.5s", "57.5s"}},
		"no fetch at once": {1, []string{"0s", "500ms", "1.5s", "3.5s", "7.5s"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStreaming(func(run, call int) ([]ergon.Transaction, error) {
					switch {
					case run == 5:
						return nil, ergon.ErrExhausted
					case run == 4 && call < c.fails:
						return nil, nil
					}
					return nil, errBroken
				})
				if _, err := s.run(t.Context(), t); err != nil {
					t.Error(err)
				}
				s.wantOpens(t, c.want...)
			})
		})
	}
}

// A run that only waited for the timeouts of its first fetch was none.
func TestWorkerWhoseFetchesHangIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := make(chan struct{})
		s := newStreaming(func(int, int) ([]ergon.Transaction, error) {
			<-until
			return nil, nil
		})
		s.config.Consumer.Fetch.Retry.Timeout = 2 * time.Minute
		_, err := s.run(t.Context(), t)
		wantErrorText(t, err, "given up after 10 starts in a row")
		if n := len(s.opens()); n != 10 {
			t.Errorf("got %d runs, want 10", n)
		}
		close(until)
	})
}

func TestWorkerThatFetchesSomethingInEachLifeIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(func(run, call int) ([]ergon.Transaction, error) {
			switch {
			case run == 25 && call > 1:
				return nil, ergon.ErrExhausted
			case call == 1:
				return one(), nil
			}
			return nil, errBroken
		})
		summary, err := s.run(t.Context(), t)
		if err != nil {
			t.Fatal(err)
		}
		got := summary.Tasks[0].Snapshot
		if got.Outcomes[runner.Succeeded] != 25 || got.Fetched != 25 || got.Phases[policy.PhaseProcess].Count != 25 {
			t.Errorf("got %+v, want 25 over all runs", got)
		}
		if got.InFlight != 0 || got.Concurrency != 16 {
			t.Errorf("got %d in flight and concurrency %d, want those of the last run, 0 and 16", got.InFlight, got.Concurrency)
		}
	})
}

// [L2] The limit holds for all runs together.
func TestLimitHoldsOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(func(_, call int) ([]ergon.Transaction, error) {
			if call == 1 {
				return append(one(), one()...), nil
			}
			return nil, errBroken
		})
		s.config.Consumer.Loop.Limit = 5
		summary, err := s.run(t.Context(), t)
		if err != nil {
			t.Fatal(err)
		}
		if got := summary.Tasks[0].Snapshot.Started; got != 5 {
			t.Errorf("got %d started, want 5", got)
		}
		s.wantOpens(t, "0s", "500ms", "1.5s")
	})
}

// [T4] The loop's timeout holds for all runs together, and for the pauses between them.
func TestLoopTimeoutHoldsOverRestarts(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		fails   bool
		runs    int
	}{
		"in a pause": {20 * time.Second, true, 6},
		"in a run":   {18 * time.Second, false, 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStreaming(func(run, _ int) ([]ergon.Transaction, error) {
					if run == c.runs && !c.fails {
						return nil, nil
					}
					return nil, errBroken
				})
				s.config.Consumer.Loop.Timeout = c.timeout
				_, err := s.run(t.Context(), t)
				if !errors.Is(err, ergon.ErrLoopTimeout) {
					t.Errorf("got error %v, want %v", err, ergon.ErrLoopTimeout)
				}
				if got := time.Since(s.started); got != c.timeout {
					t.Errorf("it took %s, want %s", got, c.timeout)
				}
				if got := len(s.opens()); got != c.runs {
					t.Errorf("got %d runs, want %d", got, c.runs)
				}
			})
		})
	}
}

// [R1] A pause never holds up shutdown.
func TestShutdownEndsThePauseBeforeARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(func(int, int) ([]ergon.Transaction, error) { return nil, errBroken })
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(40*time.Second, func() { cancel(errStop) })
		_, err := s.run(ctx, t)
		if err == nil || err.Error() != errStop.Error() {
			t.Errorf("got error %v, want the cause alone", err)
		}
		if got := time.Since(s.started); got != 40*time.Second {
			t.Errorf("it took %s, want 40s", got)
		}
	})
}

func TestShutdownWhileAWorkerIsRestartedIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(func(int, int) ([]ergon.Transaction, error) { return nil, errBroken })
		script := s.config.Connectors["input"].New
		s.config.Connectors["input"] = ergon.Component{New: func() (any, error) {
			made, err := script()
			if s.runs == 2 {
				return &part{journal: &s.journal, name: "input", onOpen: func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				}}, err
			}
			return made, err
		}}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(40*time.Second, func() { cancel(errStop) })
		_, err := s.run(ctx, t)
		if err == nil || err.Error() != errStop.Error() {
			t.Errorf("got error %v, want the cause alone", err)
		}
		if got := time.Since(s.started); got != 40*time.Second {
			t.Errorf("it took %s, want 40s", got)
		}
	})
}

func TestElapsedIsTheTimeThatLoopsRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(func(run, call int) ([]ergon.Transaction, error) {
			if call == 1 {
				return nil, nil
			}
			return nil, map[int]error{1: errBroken, 2: ergon.ErrExhausted}[run]
		})
		summary, err := s.run(t.Context(), t)
		if err != nil {
			t.Fatal(err)
		}
		if got := summary.Tasks[0].Snapshot.Elapsed; got != 20*time.Second {
			t.Errorf("got %s, want 20s: twice 10 s, without the pause between them", got)
		}
	})
}
