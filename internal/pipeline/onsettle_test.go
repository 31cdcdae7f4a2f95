package pipeline_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// [E2] Somebody hears of each outcome once, and before the source does, also where telling the source is tried again.
func TestOutcomesAreSaidOnceBeforeTheSourceIsTold(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			if tx.ID() == "3" {
				return nil, ergon.Business(errRefused)
			}
			return nil, nil
		}}, numbered(40)...)
		var mu sync.Mutex
		said, early := map[pipeline.Outcome]int64{}, int64(0)
		r.OnSettle = func(o pipeline.Outcome, n int64) {
			mu.Lock()
			defer mu.Unlock()
			said[o] += n
			if told := int64(len(r.Queue.Settlements())); told >= said[pipeline.Succeeded]+said[pipeline.Discarded] {
				early++
			}
		}
		r.Source = memory.WithFaults(r.Queue, memory.Fail(memory.OnSettle, errRefused).Times(1))
		r.Policy.Loop.Execution, r.Policy.Loop.OnException = execution, policy.OnExceptionDiscard
		r.Policy.Loop.Concurrency.Value = 4
		r.run(t)
		if got, want := fmt.Sprint(said), fmt.Sprint(map[pipeline.Outcome]int64{pipeline.Succeeded: 39, pipeline.Discarded: 1}); got != want {
			t.Errorf("said were %s, want %s", got, want)
		}
		if early > 0 {
			t.Errorf("%d times the source was told before", early)
		}
	})
}
