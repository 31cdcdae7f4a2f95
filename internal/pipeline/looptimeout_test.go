package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// inEveryLoop runs a test for both executions, both modes, streaming and not.
func inEveryLoop(t *testing.T, test func(t *testing.T, change func(*policy.Loop))) {
	t.Helper()
	for _, mode := range []policy.Mode{policy.ModeContinuous, policy.ModeBatch} {
		for streaming, name := range map[bool]string{true: "streaming", false: "not streaming"} {
			t.Run(string(mode)+"/"+name, func(t *testing.T) {
				inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
					test(t, func(l *policy.Loop) { l.Mode, l.Streaming, l.Execution = mode, streaming, execution })
				})
			})
		}
	}
}

func wantLoopTimeout(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ergon.ErrLoopTimeout) || ergon.CategoryOf(err) != ergon.CategoryTimeout {
		t.Errorf("got %v, want ErrLoopTimeout of category TIMEOUT", err)
	}
}

// [T4] At 10s fetching stops; what runs has the grace to end.
func TestLoopTimeoutStopsFetchingAndDrains(t *testing.T) {
	inEveryLoop(t, func(t *testing.T, change func(*policy.Loop)) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			j.note("process")
			time.Sleep(4 * time.Second)
			return nil, nil
		}})
		source := memory.NewGenerator(1_000_000, nil)
		r.Source = source
		change(&r.Policy.Loop)
		r.Policy.Loop.Timeout = 10 * time.Second
		r.Policy.Loop.Batch.Size = 1
		r.Policy.Settle.Interval = 0
		r.start(t.Context(), t)
		wantLoopTimeout(t, r.wait())
		j.note("ended")
		j.want(t, "0s process", "4s process", "8s process", "12s ended")
		if got := source.Acked(); got != 3 {
			t.Errorf("got %d acknowledged, want 3", got)
		}
	})
}

// [T4]
func TestLoopThatEndsInTimeKnowsNothingOfItsTimeout(t *testing.T) {
	for took, want := range map[time.Duration]error{10*time.Second - 1: nil, 10*time.Second + 1: ergon.ErrLoopTimeout} {
		t.Run(took.String(), func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
					time.Sleep(took)
					return nil, nil
				}}, "a")
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.Timeout = 10 * time.Second
				r.Policy.Settle.Interval = 0
				r.start(t.Context(), t)
				if err := r.wait(); !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
				j.note("ended")
				j.want(t, took.String()+" ended")
				if got := r.resultOf(t, "a").Outcome; got != pipeline.Succeeded {
					t.Errorf("got %v, want succeeded", got)
				}
			})
		})
	}
}

// [T4, P4, R2] After the grace of 5s handlers are cancelled, and the cause says by what; what does not return is given up.
func TestLoopTimeoutInterruptsWhatDoesNotDrain(t *testing.T) {
	inEveryLoop(t, func(t *testing.T, change func(*policy.Loop)) {
		j := newJournal()
		release := make(chan struct{})
		r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			<-ctx.Done()
			j.note("cancelled")
			if cause := context.Cause(ctx); !errors.Is(cause, ergon.ErrInterrupted) || !errors.Is(cause, ergon.ErrLoopTimeout) ||
				ctx.Err() != context.Canceled {
				t.Errorf("got %v because of %v, want context.Canceled because of ErrInterrupted by ErrLoopTimeout", ctx.Err(), cause)
			}
			if tx.ID() == "b" {
				<-release
			}
			return nil, ctx.Err()
		}}, "a", "b", "c")
		change(&r.Policy.Loop)
		r.Policy.Loop.Timeout = 10 * time.Second
		r.Policy.Loop.Concurrency.Value = 2
		r.Policy.Loop.Batch.Size = 2
		r.Shutdown = policy.Shutdown{Grace: 5 * time.Second, Force: 2 * time.Second}
		r.start(t.Context(), t)
		wantLoopTimeout(t, r.wait())
		j.note("ended")
		j.want(t, "15s cancelled", "15s cancelled", "17s ended")
		wantReleased(t, r, "a")
		wantReleased(t, r, "b")
		close(release)
		synctest.Wait()
	})
}

// [T4] A source that has nothing, or a fetch that hangs, keeps no loop beyond its time; one that does not respect its context
// does so for the five seconds that a source has, in which what it brings can be requeued.
func TestLoopTimeoutHoldsWhileFetching(t *testing.T) {
	for name, source := range map[string]func() ergon.Fetcher{
		"nothing to fetch":      func() ergon.Fetcher { return memory.New(memory.Settings{}) },
		"a source that waits":   func() ergon.Fetcher { return memory.New(memory.Settings{MaxWait: time.Hour}) },
		"a fetch that is stuck": func() ergon.Fetcher { return stuckFetch(memory.Forever) },
		"a fetch that is deaf":  func() ergon.Fetcher { return stuckFetch(time.Minute) },
		"a fetch that keeps failing": func() ergon.Fetcher {
			return memory.WithFaults(memory.New(memory.Settings{}), memory.Fail(memory.OnFetch, nil).Always())
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
				r.Source = source()
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.Streaming = true
				r.Policy.Loop.Timeout = 10 * time.Second
				r.Policy.Fetch.Retry = retrying(100, time.Hour, time.Second).Retry
				r.start(t.Context(), t)
				wantLoopTimeout(t, r.wait())
				j.note("ended")
				want := "10s ended"
				if name == "a fetch that is deaf" {
					want = "15s ended"
				}
				j.want(t, want)
				time.Sleep(time.Hour) // the fetch returns
			})
		})
	}
}

func stuckFetch(d time.Duration) ergon.Fetcher {
	fault := memory.Stall(memory.OnFetch, d)
	if d != memory.Forever {
		fault = fault.IgnoringContext()
	}
	return memory.WithFaults(memory.New(memory.Settings{Transactions: transactionsOf("a")}), fault)
}
