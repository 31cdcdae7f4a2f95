package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// processing is the settings that one transaction is run with. Neither the source nor the dead letters may be touched.
func processing(t *testing.T, task ergon.Task, shape func(*rig)) pipeline.Settings {
	t.Helper()
	r := newRig(task)
	r.OnEnd = nil
	shape(r)
	r.Source = fetchFunc(func(context.Context, int) ([]ergon.Transaction, error) {
		t.Error("something was fetched")
		return nil, ergon.ErrExhausted
	})
	r.withDeadLetters(dispatchFunc(func(_ context.Context, batch []ergon.Transaction) error {
		t.Errorf("dead letters were written: %s", idsOf(batch))
		return nil
	}))
	r.Policy.Process, r.Policy.Success, r.Policy.Exception = retrying(3, time.Second, time.Second), once(time.Second), once(time.Second)
	r.Policy.Loop.Streaming = true
	return r.Settings
}

// [E5] One given transaction goes through the same lifecycle, with the same attempts, timeouts and backoffs, and its caller
// gets what it came to.
func TestOneTransactionHasTheSameLifecycle(t *testing.T) {
	ok := func(context.Context, ergon.Transaction) (any, error) { return "result", nil }
	hangs := func(ctx context.Context, _ ergon.Transaction) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for _, test := range []struct {
		name     string
		task     ergon.Task
		outcome  pipeline.Outcome
		value    any
		failure  string
		phase    policy.Phase
		category ergon.Category
		took     time.Duration
	}{
		{name: "success", task: ergon.Task{Process: ok}, outcome: pipeline.Succeeded, value: "result"},
		{
			name: "refusal", task: refusing(nil), outcome: pipeline.Failed,
			failure: "process: BUSINESS: refused", phase: policy.PhaseProcess, category: ergon.CategoryBusiness,
		},
		{
			name: "failure for good", task: ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, errDown }},
			outcome: pipeline.Failed, failure: "process: SYSTEM: the broker is down (after 3 attempts)",
			phase: policy.PhaseProcess, took: 2 * time.Second,
		},
		{
			name: "timeout", task: ergon.Task{Process: hangs}, outcome: pipeline.Failed,
			failure: "process: TIMEOUT: attempt timeout of 1s", phase: policy.PhaseProcess, category: ergon.CategoryTimeout,
			took: 5 * time.Second,
		},
		{
			name: "success handler", task: failingSuccess(ergon.Permanent(errDown)), outcome: pipeline.Failed, value: any(nil),
			failure: "success: SYSTEM: the broker is down", phase: policy.PhaseSuccess,
		},
		{
			name: "exception handler", task: refusing(failingHandler), outcome: pipeline.HandlerFailed,
			failure: "exception: SYSTEM: handler failed", phase: policy.PhaseException,
		},
		{
			name: "exception handler that requeues", task: refusing(disposing(ergon.Requeue(time.Hour))), outcome: pipeline.Failed,
			failure: "process: BUSINESS: refused", phase: policy.PhaseProcess, category: ergon.CategoryBusiness,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothModes(t, func(t *testing.T, shape func(*rig)) {
				began := time.Now()
				got, snapshot, err := pipeline.Process(t.Context(), processing(t, test.task, shape), ergon.NewTransaction("a", nil))
				if err != nil {
					t.Fatalf("got error %v, want none of the loop's own", err)
				}
				if got.Transaction.ID() != "a" || got.Outcome != test.outcome || got.Value != test.value {
					t.Errorf("got transaction %s, outcome %s, value %v; want a, %s, %v",
						got.Transaction.ID(), got.Outcome, got.Value, test.outcome, test.value)
				}
				if took := time.Since(began); took != test.took {
					t.Errorf("it took %s, want %s", took, test.took)
				}
				if snapshot.Fetched != 1 || snapshot.Started != 1 || snapshot.Outcomes[test.outcome] != 1 || snapshot.InFlight != 0 {
					t.Errorf("got snapshot %+v, want one transaction that ended", snapshot)
				}
				if test.failure == "" {
					if got.Err != nil {
						t.Errorf("got error %v with a success", got.Err)
					}
					return
				}
				failed, ok := errors.AsType[*ergon.TransactionError](got.Err)
				if !ok || !strings.HasPrefix(got.Err.Error(), test.failure) || failed.Phase != test.phase || failed.Category != test.category {
					t.Errorf("got error %v (%+v), want %q", got.Err, failed, test.failure)
				}
			})
		})
	}
}

// [E5, T3]
func TestOneTransactionHasTheSameTransactionTimeout(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		began := time.Now()
		s := processing(t, ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}, shape)
		s.Policy.Loop.TransactionTimeout = 1500 * time.Millisecond
		s.Policy.Process = retrying(9, time.Second, 100*time.Millisecond)
		got, _, err := pipeline.Process(t.Context(), s, ergon.NewTransaction("a", nil))
		if err != nil || got.Outcome != pipeline.Failed || !errors.Is(got.Err, ergon.ErrTransactionTimeout) {
			t.Errorf("got outcome %s with %v, and %v; want a transaction timeout", got.Outcome, got.Err, err)
		}
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("it took %s, want 1.5s", took)
		}
	})
}

// [E5, E3] A shutdown has the same rungs, and says what became of the transaction.
func TestOneTransactionHasTheSameShutdown(t *testing.T) {
	for _, test := range []struct {
		name  string
		stop  time.Duration
		takes time.Duration
		want  pipeline.Outcome
		end   time.Duration
	}{
		{"before it begins", 0, time.Hour, pipeline.Interrupted, 0},
		{"it ends within the grace", time.Second, 5 * time.Second, pipeline.Succeeded, 5 * time.Second},
		{"it does not", time.Second, 12 * time.Second, pipeline.Interrupted, 12 * time.Second},
		{"it never ends", time.Second, 99 * time.Hour, pipeline.Interrupted, giveUpAt},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothModes(t, func(t *testing.T, shape func(*rig)) {
				began := time.Now()
				s := processing(t, ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
					time.Sleep(test.takes)
					return nil, ctx.Err()
				}}, shape)
				s.Policy.Process = once(2 * time.Minute)
				s.Shutdown = policy.Shutdown{Grace: cancelAt - stopAt, Force: giveUpAt - cancelAt}
				if test.stop == 0 {
					s.Shutdown = policy.Shutdown{}
				}
				ctx, cancel := context.WithTimeoutCause(t.Context(), test.stop, errStopped)
				defer cancel()
				got, _, err := pipeline.Process(ctx, s, ergon.NewTransaction("a", nil))
				if !errors.Is(err, errStopped) {
					t.Errorf("got error %v, want the cause of the context's end", err)
				}
				if got.Transaction.ID() != "a" || got.Outcome != test.want ||
					(got.Outcome == pipeline.Interrupted) != errors.Is(got.Err, ergon.ErrInterrupted) {
					t.Errorf("got transaction %q, outcome %s, error %v; want a, %s", got.Transaction.ID(), got.Outcome, got.Err, test.want)
				}
				if took := time.Since(began); took != test.end {
					t.Errorf("it took %s, want %s", took, test.end)
				}
				time.Sleep(200 * time.Hour)
			})
		})
	}
}

// [E5, T4]
func TestOneTransactionHasTheSameLoopTimeout(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		began := time.Now()
		s := processing(t, ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}, shape)
		s.Policy.Loop.Timeout = 20 * time.Second
		s.Policy.Process = once(time.Minute)
		s.Shutdown = policy.Shutdown{Grace: 10 * time.Second, Force: time.Second}
		got, _, err := pipeline.Process(t.Context(), s, ergon.NewTransaction("a", nil))
		if !errors.Is(err, ergon.ErrLoopTimeout) || got.Outcome != pipeline.Interrupted {
			t.Errorf("got outcome %s and error %v, want an interrupted transaction and the loop's timeout", got.Outcome, err)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("it took %s, want 30s", took)
		}
	})
}

// [E5] What a loop needs and one transaction does not is not asked for; what both need is.
func TestOneTransactionNeedsNoSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}).Settings
		s.Source, s.DeadLetters = nil, nil
		s.Policy.Loop.OnException, s.Policy.Loop.DeadLetter = policy.OnExceptionDeadLetter, "dead_letters"
		s.Policy.Loop.Outage.After = 3
		if got, _, err := pipeline.Process(t.Context(), s, ergon.NewTransaction("a", nil)); err != nil || got.Outcome != pipeline.Succeeded {
			t.Errorf("got outcome %s and error %v, want a success", got.Outcome, err)
		}
		s.Handlers.Process = nil
		if _, _, err := pipeline.Process(t.Context(), s, ergon.NewTransaction("a", nil)); err == nil ||
			!strings.Contains(fmt.Sprint(err), "task has no Process function") {
			t.Errorf("got error %v, want that the task does nothing", err)
		}
	})
}
