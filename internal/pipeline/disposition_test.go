package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

var errRefused = errors.New("refused")

// refusing fails every transaction with a rule's refusal; handle, where it is given, is its exception handler.
func refusing(handle func() (ergon.Disposition, error)) ergon.Task {
	task := ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, ergon.Business(errRefused) }}
	if handle != nil {
		task.Exception = func(context.Context, ergon.Transaction, *ergon.TransactionError) (ergon.Disposition, error) {
			return handle()
		}
	}
	return task
}

func disposing(d ergon.Disposition) func() (ergon.Disposition, error) {
	return func() (ergon.Disposition, error) { return d, nil }
}

func failingHandler() (ergon.Disposition, error) {
	return ergon.Discard(), ergon.Permanent(errors.New("handler failed"))
}

// [S1]
func TestWhatBecomesOfATransaction(t *testing.T) {
	const (
		deadLetter = policy.OnExceptionDeadLetter
		requeue    = policy.OnExceptionRequeue
		discard    = policy.OnExceptionDiscard
	)
	succeeds := ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}
	for _, test := range []struct {
		name        string
		task        ergon.Task
		policy      policy.OnException
		connector   bool // dead letters have a connector
		want        pipeline.Outcome
		settled     string
		deadLetters int64
	}{
		{"success", succeeds, deadLetter, true, pipeline.Succeeded, "a ack", 0},
		{"no handler, dead letter", refusing(nil), deadLetter, true, pipeline.DeadLettered, "a ack", 1},
		{"no handler, dead letter at the source", refusing(nil), deadLetter, false, pipeline.DeadLettered, "a reject", 0},
		{"no handler, requeue", refusing(nil), requeue, true, pipeline.Requeued, "a requeue 7s", 0},
		{"no handler, discard", refusing(nil), discard, true, pipeline.Discarded, "a ack", 0},

		{"handler says nothing, dead letter", refusing(disposing(ergon.Disposition{})), deadLetter, true, pipeline.DeadLettered, "a ack", 1},
		{"handler says nothing, requeue", refusing(disposing(ergon.Disposition{})), requeue, true, pipeline.Requeued, "a requeue 7s", 0},
		{"handler says nothing, discard", refusing(disposing(ergon.Disposition{})), discard, true, pipeline.Discarded, "a ack", 0},

		{"handler discards, dead letter", refusing(disposing(ergon.Discard())), deadLetter, true, pipeline.Discarded, "a ack", 0},
		{"handler discards, requeue", refusing(disposing(ergon.Discard())), requeue, true, pipeline.Discarded, "a ack", 0},
		{"handler dead-letters, requeue", refusing(disposing(ergon.DeadLetter())), requeue, true, pipeline.DeadLettered, "a ack", 1},
		{"handler dead-letters, discard", refusing(disposing(ergon.DeadLetter())), discard, true, pipeline.DeadLettered, "a ack", 1},
		{
			"handler dead-letters, discard, at the source",
			refusing(disposing(ergon.DeadLetter())), discard, false, pipeline.DeadLettered, "a reject", 0,
		},
		{
			"handler requeues later, dead letter",
			refusing(disposing(ergon.Requeue(3 * time.Second))), deadLetter, true, pipeline.Requeued, "a requeue 3s", 0,
		},
		{"handler requeues now, discard", refusing(disposing(ergon.Requeue(0))), discard, true, pipeline.Requeued, "a requeue", 0},

		{"handler fails, dead letter", refusing(failingHandler), deadLetter, true, pipeline.HandlerFailed, "a ack", 1},
		{"handler fails, dead letter at the source", refusing(failingHandler), deadLetter, false, pipeline.HandlerFailed, "a reject", 0},
		{"handler fails, requeue", refusing(failingHandler), requeue, true, pipeline.HandlerFailed, "a ack", 1},
		{"handler fails, discard", refusing(failingHandler), discard, true, pipeline.HandlerFailed, "a ack", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				r := newRig(test.task, "a")
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.OnException = test.policy
				r.Policy.Loop.Limit = 1
				r.Policy.Settle.RequeueDelay = 7 * time.Second
				letters := memory.New(memory.Settings{})
				if test.connector {
					r.Policy.Loop.DeadLetter = "dead_letters"
					r.DeadLetters = letters
				}
				r.run(t)
				wantOutcome(t, r, test.want, test.settled)
				if got, _ := letters.CountTransactions(t.Context()); got != test.deadLetters {
					t.Errorf("got %d dead letters, want %d", got, test.deadLetters)
				}
			})
		})
	}
}

// [S1] Where there is no place for dead letters, a failed handler is dealt with as the policy wants failures dealt with.
func TestFailedHandlerWithoutAPlaceForDeadLetters(t *testing.T) {
	for _, test := range []struct {
		policy  policy.OnException
		settled string
	}{
		{policy.OnExceptionDiscard, "a ack"},
		{policy.OnExceptionRequeue, "a requeue 7s"},
	} {
		t.Run(string(test.policy), func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				r := newRig(refusing(failingHandler), "a")
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.OnException = test.policy
				r.Policy.Loop.DeadLetter = ""
				r.Policy.Loop.Limit = 1
				r.Policy.Settle.RequeueDelay = 7 * time.Second
				r.run(t)
				wantOutcome(t, r, pipeline.HandlerFailed, test.settled)
			})
		})
	}
}

// [S1] A source that takes nothing back cannot requeue: what its handler wants requeued is kept as a dead letter.
func TestRequeueAtASourceThatTakesNothingBackIsADeadLetter(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(refusing(disposing(ergon.Requeue(time.Second))))
		given := false
		r.Source = fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) {
			if given {
				return nil, ergon.ErrExhausted
			}
			given = true
			return transactionsOf("a"), nil
		})
		letters := memory.New(memory.Settings{})
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.DeadLetter, r.DeadLetters = "dead_letters", letters
		r.run(t)
		if got := r.resultOf(t, "a").Outcome; got != pipeline.DeadLettered {
			t.Errorf("got outcome %s, want dead_lettered", got)
		}
		if got, _ := letters.CountTransactions(t.Context()); got != 1 {
			t.Errorf("got %d dead letters, want 1", got)
		}
	})
}

// [S1] A requeued transaction comes again when its delay is over, not before.
func TestRequeuedTransactionComesAgainAfterItsDelay(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{
			Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				j.note("process")
				if tx.Delivery().Count == 1 {
					return nil, ergon.Business(errRefused)
				}
				return nil, nil
			},
			Exception: func(context.Context, ergon.Transaction, *ergon.TransactionError) (ergon.Disposition, error) {
				return ergon.Requeue(3 * time.Second), nil
			},
		})
		r.Queue = memory.New(memory.Settings{Transactions: transactionsOf("a"), Finite: true, MaxWait: time.Minute})
		r.Source = r.Queue
		r.Policy.Loop.Execution = execution
		r.run(t)
		j.want(t, "0s process", "3s process")
	})
}

// wantOutcome wants transaction a to have ended once, with that outcome, and to have been settled once, that way.
func wantOutcome(t *testing.T, r *rig, want pipeline.Outcome, settled string) {
	t.Helper()
	if got := r.resultOf(t, "a").Outcome; got != want {
		t.Errorf("got outcome %s, want %s", got, want)
	}
	if diff := cmp.Diff(map[pipeline.Outcome]int64{want: 1}, r.consumer.Snapshot().Outcomes); diff != "" {
		t.Errorf("outcomes in the snapshot (-want +got):\n%s", diff)
	}
	if got := settlementsText(r.Queue.Settlements()); got != settled {
		t.Errorf("got settlements %q, want %q", got, settled)
	}
}
