package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
)

// Everything that failed at anything can be looked at afterwards, although nobody watched. [O1]
func TestAttemptsOfTransactionsThatFailedAreRecorded(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(ergon.Task{
			Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
				sleep(10 * time.Millisecond)
				switch tx.ID() {
				case "bad":
					return nil, ergon.Business(errors.New("no such damage"))
				case "slow":
					<-ctx.Done()
				}
				return nil, ctx.Err()
			},
			Success: func(_ context.Context, tx ergon.Transaction, _ any) error {
				sleep(5 * time.Millisecond)
				if tx.ID() == "late" {
					return errors.New("no space")
				}
				return nil
			},
		}, "good", "bad", "slow", "late")
		r.Policy.Loop.Execution = execution
		r.Policy.Process, r.Policy.Success = retrying(2, time.Second, 100*time.Millisecond), once(time.Second)
		r.Recorder = observe.NewRecorder(false)
		r.run(t)
		const ms = time.Millisecond
		want := []observe.Transaction{
			{
				Seq: 1, ID: "bad", Outcome: "dead_lettered", Category: "BUSINESS", Phase: "process", Error: "no such damage", Took: 10 * ms,
				Attempts: []observe.Attempt{{Phase: "process", Number: 1, Took: 10 * ms, Result: "business", Error: "no such damage"}},
			},
			{
				Seq: 2, ID: "slow", Outcome: "dead_lettered", Category: "TIMEOUT", Phase: "process", Error: "attempt timeout of 1s",
				Took: 2100 * ms,
				Attempts: []observe.Attempt{
					{Phase: "process", Number: 1, Took: 1000 * ms, Result: "timeout", Error: "attempt timeout of 1s"},
					{Phase: "process", Number: 2, Start: 1100 * ms, Took: 1000 * ms, Result: "timeout", Error: "attempt timeout of 1s"},
				},
			},
			{
				Seq: 3, ID: "late", Outcome: "dead_lettered", Category: "SYSTEM", Phase: "success", Error: "no space", Took: 15 * ms,
				Attempts: []observe.Attempt{
					{Phase: "process", Number: 1, Took: 10 * ms, Result: "ok"},
					{Phase: "success", Number: 1, Start: 10 * ms, Took: 5 * ms, Result: "system", Error: "no space"},
				},
			},
		}
		for i := range want {
			want[i].Task, want[i].Worker, want[i].Deliveries = "task", "worker-1", 1
		}
		got := r.Recorder.Since(0, 10)
		ignored := cmpopts.IgnoreFields(observe.Transaction{}, "Began", "EnqueuedAt", "Settled", "Metadata")
		if diff := cmp.Diff(want, got, ignored); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
		if s := got[0].Settled; s == nil || s.Action != "reject" || s.Start < 10*ms {
			t.Errorf("settled %+v, want a reject after the attempt", s)
		}
	})
}

func TestTransactionsThatSucceedAreRecordedOnlyWhileSomebodyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, numbered(10)...)
		r.Recorder = observe.NewRecorder(true)
		r.Recorder.Watch(3)
		r.run(t)
		got := r.Recorder.Recent(observe.Query{})
		if len(got) != 3 || got[0].ID != "2" || got[0].Outcome != "succeeded" || got[0].Payload != "2" {
			t.Errorf("got %d, the latest %+v; want the first 3 that were allowed, with their payloads", len(got), got)
		}
		if s := got[2].Settled; s == nil || s.Action != "ack" || s.DeadLetter {
			t.Errorf("settled %+v, want an ack", s)
		}
	})
}
