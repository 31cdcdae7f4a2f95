package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// newFillingRig makes a loop in batches of three to five, which wait ten seconds for more, over a source that gets one
// transaction at each of the times.
func newFillingRig(t *testing.T, j *journal, at ...time.Duration) *rig {
	t.Helper()
	r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
		j.note(tx.ID())
		return nil, nil
	}})
	r.Queue = memory.New(memory.Settings{Record: true})
	r.Source = r.Queue
	for i, when := range at {
		time.AfterFunc(when, func() {
			if err := r.Queue.DispatchTransactions(context.Background(), transactionsOf(numbered(len(at))[i])); err != nil {
				t.Error(err)
			}
		})
	}
	loop := &r.Policy.Loop
	loop.Mode, loop.Streaming = policy.ModeBatch, true
	loop.Batch = policy.Batch{MinSize: 3, Size: 4, MaxSize: 5, Fill: 10 * time.Second}
	loop.Concurrency.Value = 5
	loop.EmptyQueue = policy.EmptyQueue{Backoff: time.Second, BackoffMultiplier: 1, BackoffCap: time.Second}
	return r
}

// [L4] A batch begins when it has enough, or when its first has waited for so long.
func TestBatchWaitsUntilItIsFilled(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		at   []time.Duration
		want []string
	}{
		"enough at once":         {[]time.Duration{500 * ms, 500 * ms, 500 * ms}, []string{"1s 0", "1s 1", "1s 2"}},
		"enough in a while":      {[]time.Duration{500 * ms, 2500 * ms, 4500 * ms}, []string{"5s 0", "5s 1", "5s 2"}},
		"enough just in time":    {[]time.Duration{500 * ms, 600 * ms, 9500 * ms}, []string{"10s 0", "10s 1", "10s 2"}},
		"too late for the first": {[]time.Duration{500 * ms, 600 * ms, 11500 * ms}, []string{"11s 0", "11s 1", "22s 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newFillingRig(t, j, c.at...)
				r.Policy.Loop.Execution = execution
				_ = r.runFor(t, time.Minute)
				got := j.all()
				slices.Sort(got)
				if !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

// [L4] It is never larger than its policy allows, and what more there is makes the next.
func TestFilledBatchKeepsItsSize(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j, fetches := newJournal(), newJournal()
		r := newFillingRig(t, j, make([]time.Duration, 12)...)
		r.spyOnFetches(fetches)
		r.Policy.Loop.Execution = execution
		_ = r.runFor(t, time.Minute)
		if got := len(j.all()); got != 12 {
			t.Errorf("%d were processed, want 12", got)
		}
		for _, fetch := range fetches.all() {
			if _, asked, _ := strings.Cut(fetch, " fetch "); asked[0] > '5' || asked[1] != ':' {
				t.Errorf("%q asks for more than a batch may have", fetch)
			}
		}
	})
}

// [L4, L2] Where less is left of the limit, that is enough.
func TestBatchIsFilledByWhatIsLeftOfTheLimit(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		half := 500 * time.Millisecond
		r := newFillingRig(t, j, half, half, half, 5*half, 7*half)
		r.Policy.Loop.Execution, r.Policy.Loop.Limit = execution, 4
		r.run(t)
		got := j.all()
		slices.Sort(got)
		if !slices.Equal(got, []string{"1s 0", "1s 1", "1s 2", "3s 3"}) {
			t.Errorf("got %q, want the fourth as soon as it is fetched", got)
		}
	})
}

// [L4] A source that has ended brings nothing more.
func TestBatchIsFilledWhenTheSourceHasEnded(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newFillingRig(t, j)
		calls := 0
		r.Source = fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) {
			calls++
			if calls < 3 {
				return transactionsOf(numbered(calls)[calls-1]), nil
			}
			return nil, ergon.ErrExhausted
		})
		r.Policy.Loop.Execution, r.Policy.Loop.DeadLetter, r.Policy.Loop.OnException = execution, "", policy.OnExceptionDiscard
		r.run(t)
		got := j.all()
		slices.Sort(got)
		if !slices.Equal(got, []string{"2s 0", "2s 1"}) {
			t.Errorf("got %q, want both when the third fetch says that there is nothing more", got)
		}
	})
}

// [L4, E3] A shutdown gives a filling batch back, uncounted.
func TestFillingBatchGoesBackAtShutdown(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newFillingRig(t, j, 0, 0)
		r.Policy.Loop.Execution = execution
		if err := r.runFor(t, 5*time.Second); !errors.Is(err, errStopped) {
			t.Errorf("got %v, want the cause of the context's end", err)
		}
		j.want(t)
		for _, id := range []string{"0", "1"} {
			if got := r.settlementsOf(id); len(got) != 1 || !got[0].Interrupted {
				t.Errorf("got settlements %v of %s, want it given back", got, id)
			}
		}
		if took := time.Since(j.begin); took != 5*time.Second {
			t.Errorf("the loop ended after %s, want 5s", took)
		}
	})
}

// [L4, L7] A probe is a batch of one, and waits for no other.
func TestProbeIsNotFilled(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newFillingRig(t, j, 0, 0, 0)
		r.Handlers.Process = func(_ context.Context, tx ergon.Transaction) (any, error) {
			j.note(tx.ID())
			if time.Since(j.begin) < 15*time.Second {
				return nil, errDown
			}
			return nil, nil
		}
		r.Policy.Loop.Execution = execution
		r.Policy.Process = once(time.Second)
		r.Policy.Loop.Outage = policy.Outage{After: 1, ProbeInterval: probeEvery}
		_ = r.runFor(t, 25*time.Second)
		probes := 0
		for _, entry := range j.all() {
			if entry[:2] != "0s" && entry[:2] != "1s" {
				probes++
			}
		}
		if got := r.consumer.Snapshot().Outcomes[pipeline.Succeeded]; probes < 2 || got < 1 {
			t.Errorf("%d probes, %d succeeded: %q, want probes after 10s and 20s, and the second to succeed", probes, got, j.all())
		}
	})
}
