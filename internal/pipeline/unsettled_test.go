package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// [S2] A place for dead letters that stays broken, such as a full disk, does not have a finite loop requeue for ever: it ends
// after three batches in a row that failed with all their attempts, and what it could not dead-letter is still in the source.
func TestLoopEndsWhereDeadLettersCannotBeWritten(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		full := errors.New("no space left on device")
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			return nil, ergon.Business(errors.New("refused"))
		}}, "a", "b")
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.DeadLetter = "dead_letters"
		r.Policy.Settle.Retry = once(time.Second).Retry
		r.DeadLetters = memory.WithFaults(memory.New(memory.Settings{}), memory.Fail(memory.OnDispatch, full).Always())
		r.start(t.Context(), t)
		err := r.wait()
		if !errors.Is(err, pipeline.ErrUnsettled) || !errors.Is(err, full) {
			t.Errorf("got error %v, want ErrUnsettled and its cause", err)
		}
		if n, _ := r.Queue.CountTransactions(t.Context()); n != 2 {
			t.Errorf("the source holds %d transactions, want both", n)
		}
	})
}

// [S2] One batch that fails is no reason to end: the next that succeeds has the count start again.
func TestLoopGoesOnWhereDeadLettersCanBeWrittenAgain(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			return nil, ergon.Business(errors.New("refused"))
		}}, "a")
		letters := memory.New(memory.Settings{})
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.DeadLetter = "dead_letters"
		r.Policy.Settle.Retry = once(time.Second).Retry
		r.DeadLetters = memory.WithFaults(letters, memory.Fail(memory.OnDispatch, errors.New("no space left on device")).Times(2))
		r.run(t)
		if n, _ := letters.CountTransactions(t.Context()); n != 1 {
			t.Errorf("%d dead letters were written, want 1", n)
		}
	})
}
