package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// [P1]
func TestEachPhaseHasItsOwnAttemptsTimeoutAndBackoff(t *testing.T) {
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		n := 0
		s := &scripted{journal: newJournal(), success: hang, exception: hang, process: func(ctx context.Context) error {
			n++
			if n < 3 {
				return hang(ctx)
			}
			return nil
		}}
		r := newRig(s.task(), "a")
		faulty := memory.WithFaults(r.Queue, memory.Stall(memory.OnFetch, memory.Forever).Times(2))
		r.Source = faulty
		r.Policy.Loop.Execution = execution
		r.Policy.Fetch.Retry = retrying(3, 7*time.Second, time.Second).Retry  // 7+1+7+1 = 16s
		r.Policy.Process = retrying(3, 5*time.Second, 2*time.Second)          // from 16s: 5+2+5+2 = 14s
		r.Policy.Success = retrying(2, 10*time.Second, 3*time.Second)         // from 30s: 10+3+10 = 23s
		r.Policy.Exception = retrying(4, 100*time.Millisecond, 1*time.Second) // from 53s
		r.Policy.Exception.Retry.BackoffMultiplier = 2                        // 1, 2 and 4s
		r.run(t)
		s.note("ended")
		s.want(t, "16s process", "23s process", "30s process", "30s success", "43s success",
			"53s exception", "54.1s exception", "56.2s exception", "1m0.3s exception", "1m0.4s ended")
		if left := faulty.UnusedFaults(); len(left) != 0 {
			t.Errorf("faults that never struck: %v", left)
		}
	})
}

// [P1] The settle phase has its policy as well: the source hears of the outcome at the third attempt.
func TestSettlePhaseHasItsOwnPolicy(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: failing(j, always(nil))}, "a")
		faulty := memory.WithFaults(r.Queue, memory.Stall(memory.OnSettle, memory.Forever), memory.Fail(memory.OnSettle, nil).At(2))
		r.Source = faulty
		r.Policy.Loop.Execution = execution
		r.Policy.Settle.Retry = retrying(3, 4*time.Second, 2*time.Second).Retry
		r.run(t)
		j.note("ended")
		j.want(t, "0s process", "8s ended") // 4+2+0+2
		if got := r.settlementsOf("a"); len(got) != 1 || got[0].Action != policy.SettleAck {
			t.Errorf("got settlements %v, want one ack", got)
		}
	})
}

// ways to fail for good, and what the exception handler is given for each.
var failures = []struct {
	name string
	fail func(n int, ctx context.Context) error
	want ergon.TransactionError
	says string
}{
	{
		"the last attempt", func(n int, _ context.Context) error { return fmt.Errorf("attempt %d: %w", n, errScripted) },
		ergon.TransactionError{Category: ergon.CategorySystem, Attempts: 3},
		"SYSTEM: attempt 3: scripted failure (after 3 attempts)",
	},
	{
		"business at once", func(int, context.Context) error { return ergon.Business(errScripted) },
		ergon.TransactionError{Category: ergon.CategoryBusiness, Attempts: 1},
		"BUSINESS: scripted failure",
	},
	{
		"business after a system failure", func(n int, _ context.Context) error {
			if n == 1 {
				return errScripted
			}
			return ergon.Business(errors.New("refused"))
		},
		ergon.TransactionError{Category: ergon.CategoryBusiness, Attempts: 2},
		"BUSINESS: refused (after 2 attempts)",
	},
	{
		"permanent", func(int, context.Context) error { return ergon.Permanent(errScripted) },
		ergon.TransactionError{Category: ergon.CategorySystem, Attempts: 1},
		"SYSTEM: scripted failure",
	},
	{
		"timeout after system failures", func(n int, ctx context.Context) error {
			if n < 3 {
				return errScripted
			}
			<-ctx.Done()
			return errors.New("too late to be heard")
		},
		ergon.TransactionError{Category: ergon.CategoryTimeout, Attempts: 3},
		"TIMEOUT: attempt timeout of 10s (after 3 attempts)",
	},
	{
		"system failures after a timeout", func(n int, ctx context.Context) error {
			if n == 1 {
				<-ctx.Done()
			}
			return errScripted
		},
		ergon.TransactionError{Category: ergon.CategorySystem, Attempts: 3},
		"SYSTEM: scripted failure (after 3 attempts)",
	},
	{
		"out of time in an attempt", func(n int, ctx context.Context) error {
			if n == 1 {
				sleep(6 * time.Second)
				return errScripted
			}
			<-ctx.Done()
			sleep(time.Second)
			return nil
		},
		ergon.TransactionError{Category: ergon.CategoryTimeout, Attempts: 2},
		"TIMEOUT: transaction timeout of 15s (after 2 attempts)",
	},
	{
		"out of time in the backoff", func(n int, _ context.Context) error {
			if n == 2 {
				return ergon.RetryAfter(fmt.Errorf("attempt %d: %w", n, errScripted), 14*time.Second)
			}
			return errScripted
		},
		ergon.TransactionError{Category: ergon.CategoryTimeout, Attempts: 2},
		"TIMEOUT: transaction timeout of 15s leaves no room for another attempt after a backoff of 14s: " +
			"attempt 2: scripted failure (after 2 attempts)",
	},
	{
		"out of time in the first backoff", func(int, context.Context) error { return ergon.RetryAfter(errScripted, time.Hour) },
		ergon.TransactionError{Category: ergon.CategoryTimeout, Attempts: 1},
		"TIMEOUT: transaction timeout of 15s leaves no room for another attempt after a backoff of 1h0m0s: scripted failure",
	},
}

// [P2]
func TestExceptionHandlerIsToldExactlyWhatFailed(t *testing.T) {
	for _, test := range failures {
		for _, phase := range []policy.Phase{policy.PhaseProcess, policy.PhaseSuccess} {
			t.Run(test.name+"/"+string(phase), func(t *testing.T) {
				inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
					n := 0
					s := inPhase(phase, func(ctx context.Context) error {
						n++
						return test.fail(n, ctx)
					})
					r := newRig(s.task(), "a")
					r.Policy.Loop.Execution = execution
					r.Policy.Loop.TransactionTimeout = 15 * time.Second
					r.Policy.Loop.Concurrency.Headroom = 2
					r.Policy.Process, r.Policy.Success = retrying(3, 10*time.Second, time.Second), retrying(3, 10*time.Second, time.Second)
					r.run(t)
					sleep(time.Minute) // the handlers that were given up have ended by then
					got := s.cause
					if got.Category != test.want.Category || got.Phase != phase || got.Attempts != test.want.Attempts || got.TransactionID != "a" {
						t.Errorf("got %v in %v after %d attempts of %s, want %v in %v after %d of a",
							got.Category, got.Phase, got.Attempts, got.TransactionID, test.want.Category, phase, test.want.Attempts)
					}
					if want := string(phase) + ": " + test.says; got.Error() != want {
						t.Errorf("got  %q\nwant %q", got.Error(), want)
					}
					if (got.First != nil) != (test.want.Attempts > 1) {
						t.Errorf("got first error %v of %d attempts", got.First, test.want.Attempts)
					}
					result := r.resultOf(t, "a")
					told, ok := errors.AsType[*ergon.TransactionError](result.Err)
					if !ok || told == got || told.Error() != got.Error() || told.Category != got.Category || told.Phase != got.Phase {
						t.Errorf("got result %v, want a copy of what the handler was given [F3]", result.Err)
					}
				})
			})
		}
	}
}

// [P2]
func TestSuccessThatFailsForGoodDoesNotRunProcessAgain(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{
			Process: func(context.Context, ergon.Transaction) (any, error) {
				j.note("process")
				return []int{1}, nil
			},
			Success: func(_ context.Context, _ ergon.Transaction, result any) error {
				j.note(fmt.Sprint("success with ", result))
				return errScripted
			},
			Exception: func(_ context.Context, _ ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
				j.note("exception of " + string(cause.Phase))
				return ergon.Discard(), nil
			},
		}, "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Success = retrying(2, time.Second, time.Second)
		r.run(t)
		j.want(t, "0s process", "0s success with [1]", "1s success with [1]", "1s exception of success")
		if got := r.resultOf(t, "a"); got.Outcome != pipeline.Discarded || fmt.Sprint(got.Value) != "[1]" {
			t.Errorf("got %v with %v, want discarded with what process returned", got.Outcome, got.Value)
		}
	})
}

// [P2] A phase without a handler is passed over.
func TestHandlersAreOptional(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		for _, test := range []struct {
			name    string
			drop    func(*ergon.Task)
			script  *scripted
			calls   []string
			outcome pipeline.Outcome
		}{
			{
				"no success", func(h *ergon.Task) { h.Success = nil },
				inPhase(policy.PhaseProcess, succeeds),
				[]string{"process"},
				pipeline.Succeeded,
			},
			{
				"no exception, process fails", func(h *ergon.Task) { h.Exception = nil },
				inPhase(policy.PhaseProcess, failsWith(ergon.Business(errScripted))),
				[]string{"process"},
				pipeline.DeadLettered,
			},
			{
				"no exception, success fails", func(h *ergon.Task) { h.Exception = nil },
				inPhase(policy.PhaseSuccess, failsWith(ergon.Business(errScripted))),
				[]string{"process", "success"},
				pipeline.DeadLettered,
			},
		} {
			handlers := test.script.task()
			test.drop(&handlers)
			r := newRig(handlers, "a")
			r.Policy.Loop.Execution = execution
			r.run(t)
			test.script.want(t, at(0, test.calls...)...)
			if got := r.resultOf(t, "a").Outcome; got != test.outcome {
				t.Errorf("%s: got outcome %v, want %v", test.name, got, test.outcome)
			}
		}
	})
}

// [P3]
func TestExceptionPhaseThatFailsForGoodEndsTheLifecycle(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(context.Context) error
		want []string
		says string
	}{
		{
			"system", failsWith(errors.New("no disk")),
			[]string{"0s process", "0s exception", "1s exception", "2s exception"},
			"no disk",
		},
		{"business", failsWith(ergon.Business(errors.New("no"))), []string{"0s process", "0s exception"}, "no"},
		{"permanent", failsWith(ergon.Permanent(errors.New("never"))), []string{"0s process", "0s exception"}, "never"},
		{
			"timeout", func(ctx context.Context) error {
				<-ctx.Done()
				return nil
			},
			[]string{"0s process", "0s exception", "11s exception", "22s exception"},
			"attempt timeout of 10s",
		},
		{
			"panic", func(context.Context) error { panic("bad") },
			[]string{"0s process", "0s exception", "1s exception", "2s exception"},
			"panic: bad",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				s := inPhase(policy.PhaseException, test.do)
				r := newRig(s.task(), "a")
				letters := memory.New(memory.Settings{})
				r.DeadLetters = letters
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.OnException = policy.OnExceptionRequeue // which is about failures that the handler has dealt with
				r.Policy.Exception = retrying(3, 10*time.Second, time.Second)
				r.run(t)
				s.want(t, test.want...)
				got := r.resultOf(t, "a")
				failed, ok := errors.AsType[*ergon.TransactionError](got.Err)
				if got.Outcome != pipeline.HandlerFailed || !ok || failed.Phase != policy.PhaseException ||
					failed.Attempts != len(test.want)-1 || failed.Err.Error() != test.says {
					t.Errorf("got %v with %v, want handler_failed with %q in the exception phase", got.Outcome, got.Err, test.says)
				}
				if s.cause.Phase != policy.PhaseProcess || s.cause.Attempts != 1 || s.cause.Category != ergon.CategoryBusiness {
					t.Errorf("the handler was given %v, want what process failed with", s.cause)
				}
				if settled := r.settlementsOf("a"); len(settled) != 1 || settled[0].Action != policy.SettleAck {
					t.Errorf("got settlements %v, want one ack", settled)
				}
				written, err := letters.FetchTransactions(t.Context(), 10)
				if err != nil || len(written) != 1 {
					t.Fatalf("got %d dead letters and %v, want one", len(written), err)
				}
				record := written[0].Payload().(deadletter.Record)
				if !record.HandlerFailed || record.HandlerError != test.says || record.Category != ergon.CategoryBusiness ||
					record.Phase != policy.PhaseProcess || record.Message != errScripted.Error() {
					t.Errorf("got dead letter %+v, want the failure of process, and that the handler failed with %q", record, test.says)
				}
			})
		})
	}
}
