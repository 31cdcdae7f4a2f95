package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// [L3] A loop that ends when its source is empty does not leave behind what it requeued itself.
func TestLoopWaitsForWhatItRequeued(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		var calls int
		r := newRig(ergon.Task{
			Process: func(context.Context, ergon.Transaction) (any, error) {
				calls++
				if calls == 1 {
					return nil, ergon.Business(errors.New("not yet"))
				}
				return nil, nil
			},
			Exception: func(context.Context, ergon.Transaction, *ergon.TransactionError) (ergon.Disposition, error) {
				return ergon.Requeue(10 * time.Second), nil
			},
		}, "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.EmptyQueue.Backoff = time.Second
		r.Policy.Loop.EmptyQueue.BackoffMultiplier = 1
		began := time.Now()
		r.run(t)
		var got []pipeline.Outcome
		for _, result := range r.all() {
			got = append(got, result.Outcome)
		}
		if diff := cmp.Diff([]pipeline.Outcome{pipeline.Requeued, pipeline.Succeeded}, got); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if took := time.Since(began); took < 10*time.Second || took > 12*time.Second {
			t.Errorf("the loop took %s, want the delay of 10s and at most one more look", took)
		}
	})
}
