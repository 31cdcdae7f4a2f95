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

// untilCancelled blocks until its context ends, checks why, and returns err.
func untilCancelled(t *testing.T, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		if ctx.Err() != context.Canceled || !errors.Is(context.Cause(ctx), ergon.ErrInterrupted) {
			t.Errorf("the context ended with %v because of %v, want context.Canceled because of ErrInterrupted", ctx.Err(), context.Cause(ctx))
		}
		return err
	}
}

// [P4] The shutdown begins after 1s; handlers are cancelled 10s later and given up 5s after that.
func TestTransactionCutShortByShutdownIsReleased(t *testing.T) {
	for _, test := range []struct {
		name   string
		script func(t *testing.T) *scripted
		want   []string
	}{
		{
			"in process", func(t *testing.T) *scripted {
				return inPhase(policy.PhaseProcess, untilCancelled(t, context.Canceled))
			},
			[]string{"0s process", "11s released", "11s ended"},
		},
		{
			"in process, which returns a result all the same", func(t *testing.T) *scripted {
				return inPhase(policy.PhaseProcess, untilCancelled(t, nil))
			},
			[]string{"0s process", "11s released", "11s ended"},
		},
		{
			"in process, which a rule refuses", func(t *testing.T) *scripted {
				return inPhase(policy.PhaseProcess, untilCancelled(t, ergon.Business(errScripted)))
			},
			[]string{"0s process", "11s released", "11s ended"},
		},
		{
			"in process, which panics", func(t *testing.T) *scripted {
				return inPhase(policy.PhaseProcess, func(ctx context.Context) error {
					panic(untilCancelled(t, errScripted)(ctx))
				})
			},
			[]string{"0s process", "11s released", "11s ended"},
		},
		{
			"in success", func(t *testing.T) *scripted {
				return inPhase(policy.PhaseSuccess, untilCancelled(t, context.Canceled))
			},
			[]string{"0s process", "0s success", "11s released", "11s ended"},
		},
		{
			"in exception", func(t *testing.T) *scripted {
				return inPhase(policy.PhaseException, untilCancelled(t, context.Canceled))
			},
			[]string{"0s process", "0s exception", "11s released", "11s ended"},
		},
		{
			"in a backoff, at once", func(*testing.T) *scripted { return inPhase(policy.PhaseProcess, failsWith(errScripted)) },
			[]string{"0s process", "1s released", "1s ended"},
		},
		{
			"before a backoff, at once", func(*testing.T) *scripted {
				return inPhase(policy.PhaseProcess, func(context.Context) error {
					time.Sleep(3 * time.Second)
					return errScripted
				})
			},
			[]string{"0s process", "3s released", "3s ended"},
		},
		{
			"at its timeout", func(*testing.T) *scripted {
				return inPhase(policy.PhaseProcess, func(context.Context) error {
					time.Sleep(14 * time.Second)
					return nil
				})
			},
			[]string{"0s process", "12s released", "12s ended"},
		},
		{
			"by giving it up", func(*testing.T) *scripted {
				return inPhase(policy.PhaseSuccess, func(context.Context) error {
					time.Sleep(time.Minute)
					return nil
				})
			},
			[]string{"0s process", "0s success", "16s released", "16s ended"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				s := test.script(t)
				r := newRig(s.task(), "a")
				r.OnEnd = func(result pipeline.Result) {
					s.note("released")
					r.ended(result)
				}
				r.Policy.Loop.Execution = execution
				r.Policy.Process, r.Policy.Success = retrying(3, 12*time.Second, time.Minute), retrying(3, 20*time.Second, time.Minute)
				r.Shutdown = policy.Shutdown{Grace: 10 * time.Second, Force: 5 * time.Second}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Second, cancel)
				r.start(ctx, t)
				if err := r.wait(); !errors.Is(err, context.Canceled) {
					t.Errorf("got error %v, want the cause of the shutdown", err)
				}
				s.note("ended")
				s.want(t, test.want...)
				wantReleased(t, r, "a")
				if n := r.consumer.Snapshot().Retries; n != 0 {
					t.Errorf("got %d retries, want none", n)
				}
				time.Sleep(time.Minute) // what was given up returns
			})
		})
	}
}

// wantReleased wants a transaction given back unprocessed, and delivered again as if for the first time.
func wantReleased(t *testing.T, r *rig, id string) {
	t.Helper()
	if got := r.resultOf(t, id); got.Outcome != pipeline.Interrupted || got.Err != ergon.ErrInterrupted { //nolint:errorlint // it itself
		t.Errorf("transaction %s: got %v with %v, want interrupted with ErrInterrupted", id, got.Outcome, got.Err)
	}
	settled := r.settlementsOf(id)
	if len(settled) != 1 || settled[0].Action != policy.SettleRequeue || !settled[0].Interrupted || settled[0].Delay != 0 {
		t.Errorf("transaction %s: got settlements %+v, want one requeue, interrupted, at once", id, settled)
	}
	again, err := r.Queue.FetchTransactionByID(t.Context(), id)
	if err != nil || again.Delivery().Count != 1 {
		t.Errorf("transaction %s: delivered for time %d, %v; want the delivery that was cut short not to count",
			id, again.Delivery().Count, err)
	}
}

// [P4] What needs no handler any more ends as it would have.
func TestTransactionThatOnlyNeedsItsSettlementIsNotCutShort(t *testing.T) {
	for _, test := range []struct {
		name   string
		err    error
		want   pipeline.Outcome
		action policy.SettleAction
	}{
		{"a result", nil, pipeline.Succeeded, policy.SettleAck},
		{"a refusal", ergon.Business(errScripted), pipeline.DeadLettered, policy.SettleReject},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				process := untilCancelled(t, test.err)
				r := newRig(ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) { return nil, process(ctx) }}, "a")
				r.Policy.Loop.Execution = execution
				ctx, cancel := context.WithCancel(t.Context())
				r.start(ctx, t)
				synctest.Wait()
				cancel()
				if err := r.wait(); !errors.Is(err, context.Canceled) {
					t.Errorf("got error %v, want the cause of the shutdown", err)
				}
				if got := r.resultOf(t, "a").Outcome; got != test.want {
					t.Errorf("got outcome %v, want %v", got, test.want)
				}
				if got := r.settlementsOf("a"); len(got) != 1 || got[0].Action != test.action {
					t.Errorf("got settlements %v, want one %v", got, test.action)
				}
			})
		})
	}
}

// [P4] What waits for a slot is released at once and never counts as started; what runs may end within the grace.
func TestWaitingTransactionsAreReleasedAtOnceAndRunningOnesMayEnd(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{
			Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				j.note("process " + tx.ID())
				time.Sleep(5 * time.Second)
				return nil, nil
			},
			Success: func(_ context.Context, tx ergon.Transaction, _ any) error {
				j.note("success " + tx.ID())
				return nil
			},
		}, "a", "b", "c", "d")
		r.OnEnd = func(result pipeline.Result) {
			j.note(result.Outcome.String() + " " + result.Transaction.ID())
			r.ended(result)
		}
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Batch.Prefetch = 2
		r.Shutdown = policy.Shutdown{Grace: 4*time.Second + 1, Force: 0}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(time.Second, cancel)
		r.start(ctx, t)
		if err := r.wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want the cause of the shutdown", err)
		}
		j.want(t, "0s process a", "1s interrupted b", "1s interrupted c", "5s success a", "5s succeeded a")
		wantReleased(t, r, "b")
		wantReleased(t, r, "c")
		if got := r.consumer.Snapshot(); got.Fetched != 3 || got.Started != 1 {
			t.Errorf("got %d fetched and %d started, want 3 and 1", got.Fetched, got.Started)
		}
	})
}

// [P4, T1] The result of what was given up at the end of a shutdown is fenced like any late one.
func TestHandlerGivenUpByShutdownCannotChangeTheOutcome(t *testing.T) {
	for name, late := range map[string]func(context.Context) error{
		"with a result":  func(context.Context) error { return nil },
		"with a refusal": func(context.Context) error { return ergon.Business(errScripted) },
		"with a panic":   func(context.Context) error { panic("late") },
	} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				release := make(chan struct{})
				s := inPhase(policy.PhaseProcess, func(ctx context.Context) error {
					<-release
					return late(ctx)
				})
				r := newRig(s.task(), "a")
				r.Policy.Loop.Execution = execution
				force := make(chan struct{})
				r.Force = force
				ctx, cancel := context.WithCancel(t.Context())
				r.start(ctx, t)
				synctest.Wait()
				cancel()
				close(force)
				if err := r.wait(); !errors.Is(err, context.Canceled) {
					t.Errorf("got error %v, want the cause of the shutdown", err)
				}
				s.note("ended")
				if got := r.consumer.Snapshot(); got.Abandoned != 1 || got.Late != 0 {
					t.Errorf("got %d abandoned and %d late before the handler returned, want 1 and 0", got.Abandoned, got.Late)
				}
				close(release)
				synctest.Wait()
				s.want(t, "0s process", "0s ended")
				wantReleased(t, r, "a")
				if got := r.consumer.Snapshot(); got.Abandoned != 0 || got.Late != 1 {
					t.Errorf("got %d abandoned and %d late after the handler returned, want 0 and 1", got.Abandoned, got.Late)
				}
			})
		})
	}
}
