package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// neverHandled fails the test when the exception handler is called.
func neverHandled(t *testing.T, task ergon.Task) ergon.Task {
	t.Helper()
	task.Exception = func(_ context.Context, tx ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
		t.Errorf("the exception handler was called for %s: %v", tx.ID(), cause)
		return ergon.Discard(), nil
	}
	return task
}

// [S3, P4]
func TestInterruptedTransactionGoesBackAtOnceAndUncounted(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(neverHandled(t, ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			<-ctx.Done()
			return nil, errors.New("cut short")
		}}), "a")
		r.spyOnSettlements(j)
		r.Policy.Loop.Execution = execution
		r.Shutdown = policy.Shutdown{Grace: time.Second, Force: time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		synctest.Wait()
		cancel()
		if err := r.wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want that of the context", err)
		}
		j.want(t, "1s settle a requeue interrupted")
		if got := r.resultOf(t, "a"); got.Outcome != pipeline.Interrupted || !errors.Is(got.Err, ergon.ErrInterrupted) {
			t.Errorf("got outcome %s with %v, want interrupted", got.Outcome, got.Err)
		}
		again, err := r.Queue.FetchTransactions(t.Context(), 2)
		if err != nil || len(again) != 1 {
			t.Fatalf("fetching again: got %d transactions and %v, want the one that was released", len(again), err)
		}
		if got := again[0].Delivery().Count; got != 1 {
			t.Errorf("got delivery %d, want 1: the first was not counted", got)
		}
	})
}

// [S3] The source has taken the delivery back before it was settled: nobody but the log hears of it, once.
func TestStaleDeliveryIsLeftToTheSource(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		for name, fault := range map[string]memory.Fault{
			"before the settlement": memory.DropDelivery(memory.OnSettle).For("b"),
			"before the fetch ends": memory.DropDelivery(memory.OnFetch).For("b"),
		} {
			j, logs := newJournal(), &logBuffer{}
			r := newRig(neverHandled(t, ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				j.note("process " + tx.ID())
				return nil, nil
			}}), "a", "b")
			faulty := memory.WithFaults(r.Queue, fault)
			r.Source = faulty
			r.Logger = logs.logger(slog.LevelInfo)
			r.Policy.Loop.Execution = execution
			r.Policy.Loop.Mode = policy.ModeBatch
			r.run(t)
			if len(faulty.UnusedFaults()) > 0 {
				t.Fatalf("%s: the fault did not strike", name)
			}
			j.want(t, "0s process a", "0s process b", "0s process b")
			want := map[pipeline.Outcome]int64{pipeline.Succeeded: 2, pipeline.Redelivered: 1}
			if diff := cmp.Diff(want, r.consumer.Snapshot().Outcomes); diff != "" {
				t.Errorf("%s: outcomes (-want +got):\n%s", name, diff)
			}
			if got := settlementsText(r.Queue.Settlements()); got != "a ack, b ack" {
				t.Errorf("%s: got settlements %q, want each acknowledged once", name, got)
			}
			logs.wantMessages(t, slog.LevelInfo, "the source has taken the transaction back; it will be delivered again")
			if line := logs.lines(t, slog.LevelWarn); len(line) == 1 && line[0]["transaction_id"] != "b" {
				t.Errorf("%s: the warning names transaction %v, want b", name, line[0]["transaction_id"])
			}
		}
	})
}

// [S3] What was settled although the answer was lost is stale when it is settled again: once is enough.
func TestSettlementWhoseAnswerIsLostTakesEffectOnce(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a")
		r.Source = memory.WithFaults(r.Queue, memory.LoseReply(memory.OnSettle, nil))
		r.Policy.Loop.Execution = execution
		r.run(t)
		if got := settlementsText(r.Queue.Settlements()); got != "a ack" {
			t.Errorf("got settlements %q, want one", got)
		}
	})
}
