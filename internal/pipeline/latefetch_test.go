package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// [E3] [K8] [S3] [P4] A fetch that was in progress when the shutdown began brings something all the same. The loop ends after that is
// given back, unless it takes more than the five seconds that a source has.
func TestWhatALateFetchBringsIsGivenBackBeforeTheLoopEnds(t *testing.T) {
	given, ended := "s settle a requeue interrupted", "s end"
	for took, want := range map[time.Duration][]string{
		time.Millisecond:                 {"1.001" + given, "1.001" + ended},
		4999 * time.Millisecond:          {"5.999" + given, "5.999" + ended},
		5*time.Second + time.Millisecond: {"6" + ended, "6.001" + given},
	} {
		t.Run(took.String(), func(t *testing.T) {
			inBothModes(t, func(t *testing.T, shape func(*rig)) {
				j := newJournal()
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
					t.Error("it was processed")
					return nil, nil
				}}, "a")
				r.lateFetch(j, stopAt+took)
				shape(r)
				_ = r.runStopped(t, j)
				sleep(time.Minute)
				j.want(t, want...)
			})
		})
	}
}

// [E3] A second signal waits for no fetch.
func TestForcedShutdownLeavesALateFetchBehind(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a")
		r.lateFetch(j, time.Minute)
		shape(r)
		force := make(chan struct{})
		r.Force = force
		time.AfterFunc(stopAt+300*time.Millisecond, func() { close(force) })
		_ = r.runStopped(t, j)
		sleep(time.Hour)
		j.want(t, "1.3s end", "1m0s settle a requeue interrupted")
	})
}

// lateFetch has fetching take so long, whatever becomes of its context.
func (r *rig) lateFetch(j *journal, takes time.Duration) {
	r.spyOnSettlements(j)
	settler, _ := r.Source.(capability.Settler)
	queue := r.Queue
	r.Policy.Fetch = policy.Fetch{Connector: "input", Retry: once(time.Hour).Retry}
	r.Source = struct {
		ergon.Fetcher
		capability.Settler
	}{fetchFunc(func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
		sleep(takes)
		return queue.FetchTransactions(context.WithoutCancel(ctx), limit)
	}), settler}
}
