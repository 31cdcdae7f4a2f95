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

// stuckQuota does not answer until it is let go: the fetch loop asks it by itself.
type stuckQuota struct {
	pipeline.Quota

	free chan struct{}
}

func (q stuckQuota) Take(ctx context.Context, n int) int {
	<-q.free
	return q.Quota.Take(ctx, n)
}

// [E2] What hangs outside of any bound is seen as soon as it should have come back, not a moment before.
func TestLoopThatStandsStillSaysWhatDoes(t *testing.T) {
	for name, c := range map[string]struct {
		hang  func(r *rig, free chan struct{})
		after time.Duration
		want  string
	}{
		"after a fetch": {func(r *rig, free chan struct{}) {
			r.Policy.Loop.Limit, r.Quota = 10, stuckQuota{pipeline.NewQuota(10), free}
		}, 3 * time.Second, "fetching"},
		"after an attempt": {func(r *rig, free chan struct{}) {
			r.OnEnd = func(pipeline.Result) { <-free }
		}, 5*time.Second + 100*time.Millisecond, "handlers"},
		"before a batch of settlement": {func(r *rig, free chan struct{}) {
			r.OnSettle = func(pipeline.Outcome, int64) { <-free }
		}, 20 * time.Second, "settling"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				free := make(chan struct{})
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "1")
				r.Policy.Fetch.Retry, r.Policy.Settle.Retry = once(3*time.Second).Retry, once(10*time.Second).Retry
				r.Policy.Process, r.Policy.Success, r.Policy.Exception = once(5*time.Second), once(4*time.Second), once(3*time.Second)
				r.Policy.Settle.Interval = 0
				c.hang(r, free)
				ctx, stop := context.WithCancel(t.Context())
				r.start(ctx, t)
				synctest.Wait()
				if got := r.consumer.Stalled(); got != "" {
					t.Errorf("got %q at the beginning, want nothing", got)
				}
				sleep(c.after)
				if got := r.consumer.Stalled(); got != "" {
					t.Errorf("got %q when it may still come back, want nothing", got)
				}
				sleep(1)
				if got := r.consumer.Stalled(); got != c.want {
					t.Errorf("got %q when its time was over, want %q", got, c.want)
				}
				close(free)
				sleep(time.Minute)
				if got := r.consumer.Stalled(); got != "" {
					t.Errorf("got %q after it came back, want nothing", got)
				}
				stop()
				<-r.done
			})
		})
	}
}

// [E2] What waits, for as long as it has been told to, does not stand still: looked at every second of an hour.
func TestLoopThatWaitsDoesNotStandStill(t *testing.T) {
	slow := func(ctx context.Context, _ ergon.Transaction) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	patient := func(context.Context, ergon.Transaction) (any, error) {
		return nil, ergon.RetryAfter(errors.New("come back later"), 20*time.Minute)
	}
	for name, c := range map[string]struct {
		process func(context.Context, ergon.Transaction) (any, error)
		shape   func(*rig)
	}{
		"for an empty source":              {nil, func(r *rig) { r.Queue = newPolledRig(newJournal()).Queue; r.Source = r.Queue }},
		"for handlers within their time":   {slow, func(r *rig) { r.Policy.Process = retrying(100, time.Minute, time.Minute) }},
		"as long as an error asks for":     {patient, func(r *rig) { r.Policy.Process = retrying(100, time.Second, time.Second) }},
		"for the interval between fetches": {nil, func(r *rig) { r.Policy.Loop.Batch.Interval = 15 * time.Minute }},
		"for an outage to be over": {patient, func(r *rig) {
			r.Policy.Process = once(time.Second)
			r.Policy.Loop.Outage = policy.Outage{After: 1, ProbeInterval: 15 * time.Minute}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				process := c.process
				if process == nil {
					process = func(context.Context, ergon.Transaction) (any, error) { return nil, nil }
				}
				r := newRig(ergon.Task{Process: process}, numbered(3)...)
				r.Policy.Loop.Execution, r.Policy.Loop.Streaming, r.Policy.Loop.TransactionTimeout = execution, true, 0
				r.Policy.Loop.Batch.Size = 1
				c.shape(r)
				ctx, stop := context.WithCancel(t.Context())
				r.start(ctx, t)
				for range 3600 {
					sleep(time.Second)
					if got := r.consumer.Stalled(); got != "" {
						t.Fatalf("got %q, want nothing", got)
					}
				}
				stop()
				<-r.done
			})
		})
	}
}
