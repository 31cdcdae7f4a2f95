package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// [L1] Every slot is filled again in the moment in which it becomes free: transactions of one second each leave no second
// in which fewer run than may.
func TestFreeSlotsAreFilledAtOnce(t *testing.T) {
	const concurrency, rounds = 100, 40
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		began := time.Now()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			sleep(time.Second)
			return nil, nil
		}}, numbered(concurrency*rounds)...)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Value = concurrency
		r.Policy.Settle.Interval = 0 // so that the loop ends with its last transaction
		r.run(t)
		if got := time.Since(began); got != rounds*time.Second {
			t.Errorf("the loop took %v, want %v", got, rounds*time.Second)
		}
	})
}
