package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// scripted makes a task whose handlers do what is scripted for their phase and write down each call. A phase that nothing
// is scripted for fails, where it is the one before, or succeeds.
type scripted struct {
	*journal

	process, success, exception func(context.Context) error
	cause                       *ergon.TransactionError // what the exception handler was given last
}

func (s *scripted) task() ergon.Task {
	return ergon.Task{
		Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			s.note("process")
			return "result", s.process(ctx)
		},
		Success: func(ctx context.Context, _ ergon.Transaction, _ any) error {
			s.note("success")
			return s.success(ctx)
		},
		Exception: func(ctx context.Context, _ ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
			s.note("exception")
			s.mu.Lock()
			s.cause = cause
			s.mu.Unlock()
			return ergon.Disposition{}, s.exception(ctx)
		},
	}
}

func succeeds(context.Context) error { return nil }

func failsWith(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// inPhase scripts what happens in one phase; the phases around it let it come to that.
func inPhase(phase policy.Phase, do func(context.Context) error) *scripted {
	s := &scripted{journal: newJournal(), process: succeeds, success: succeeds, exception: succeeds}
	switch phase {
	case policy.PhaseSuccess:
		s.success = do
	case policy.PhaseException:
		s.process, s.exception = failsWith(ergon.Business(errScripted)), do
	default:
		s.process = do
	}
	return s
}

// phases are those with handlers, with the calls that lead up to each and those that follow when it failed permanently.
var phases = []struct {
	phase         policy.Phase
	before, after []string
	outcome       pipeline.Outcome
}{
	{policy.PhaseProcess, nil, []string{"exception"}, pipeline.DeadLettered},
	{policy.PhaseSuccess, []string{"process"}, []string{"exception"}, pipeline.DeadLettered},
	{policy.PhaseException, []string{"process"}, nil, pipeline.HandlerFailed},
}

func at(when time.Duration, calls ...string) []string {
	entries := make([]string, len(calls))
	for i, call := range calls {
		entries[i] = when.String() + " " + call
	}
	return entries
}

// [R2]
func TestBusinessAndPermanentFailuresAreNotRetriedInAnyPhase(t *testing.T) {
	for _, test := range []struct {
		name     string
		err      error
		category ergon.Category
	}{
		{"business", ergon.Business(errScripted), ergon.CategoryBusiness},
		{"business, wrapped", fmt.Errorf("checking: %w", ergon.Business(errScripted)), ergon.CategoryBusiness},
		{"business, joined", errors.Join(errors.New("other"), ergon.Business(errScripted)), ergon.CategoryBusiness},
		{"business with a delay", ergon.RetryAfter(ergon.Business(errScripted), time.Second), ergon.CategoryBusiness},
		{"permanent", ergon.Permanent(errScripted), ergon.CategorySystem},
		{"permanent, wrapped", fmt.Errorf("calling: %w", ergon.Permanent(errScripted)), ergon.CategorySystem},
		{
			"permanent, joined",
			errors.Join(ergon.RetryAfter(errors.New("other"), time.Second), ergon.Permanent(errScripted)), ergon.CategorySystem,
		},
		{
			"permanent timeout of a call of its own",
			ergon.Permanent(fmt.Errorf("%w: %w", ergon.ErrAttemptTimeout, errScripted)), ergon.CategoryTimeout,
		},
		{"permanent business", ergon.Permanent(ergon.Business(errScripted)), ergon.CategoryBusiness},
		{"permanent inside of RunFn", &ergon.TransactionError{Err: ergon.Permanent(errScripted)}, ergon.CategorySystem},
	} {
		for _, in := range phases {
			t.Run(test.name+"/"+string(in.phase), func(t *testing.T) {
				inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
					s := inPhase(in.phase, failsWith(test.err))
					r := newRig(s.task(), "a")
					r.Policy.Loop.Execution = execution
					r.run(t)
					s.want(t, at(0, append(append(append([]string{}, in.before...), string(in.phase)), in.after...)...)...)
					got := r.resultOf(t, "a")
					if got.Outcome != in.outcome {
						t.Errorf("got outcome %v, want %v", got.Outcome, in.outcome)
					}
					if in.phase == policy.PhaseException {
						return // what it failed with is no part of the transaction's own failure
					}
					if s.cause.Category != test.category || s.cause.Phase != in.phase || s.cause.Attempts != 1 {
						t.Errorf("got %v in %v after %d attempts, want %v in %v after 1",
							s.cause.Category, s.cause.Phase, s.cause.Attempts, test.category, in.phase)
					}
					if !errors.Is(got.Err, errScripted) {
						t.Errorf("got %v, which does not reach the cause", got.Err)
					}
				})
			})
		}
	}
}

// [R2]
func TestEverythingElseIsSystemAndIsRetried(t *testing.T) {
	for name, err := range map[string]error{
		"plain":                           errScripted,
		"the user's own deadline":         fmt.Errorf("%w: %w", context.DeadlineExceeded, errScripted),
		"the user's own cancellation":     fmt.Errorf("%w: %w", context.Canceled, errScripted),
		"what only looks like a shutdown": fmt.Errorf("%w: %w", ergon.ErrInterrupted, errScripted),
		"a failure of RunFn":              &ergon.TransactionError{Category: ergon.CategorySystem, Err: errScripted},
	} {
		for _, in := range phases {
			t.Run(name+"/"+string(in.phase), func(t *testing.T) {
				inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
					s := inPhase(in.phase, failsWith(err))
					r := newRig(s.task(), "a")
					r.Policy.Loop.Execution = execution
					for _, step := range []*policy.Step{&r.Policy.Process, &r.Policy.Success, &r.Policy.Exception} {
						*step = retrying(2, time.Minute, time.Second)
					}
					r.run(t)
					want := at(0, append(append([]string{}, in.before...), string(in.phase))...)
					want = append(want, at(time.Second, append([]string{string(in.phase)}, in.after...)...)...)
					s.want(t, want...)
					if got := r.resultOf(t, "a").Outcome; got != in.outcome {
						t.Errorf("got outcome %v, want %v", got, in.outcome)
					}
					if in.phase != policy.PhaseException && (s.cause.Category != ergon.CategorySystem || !errors.Is(s.cause, errScripted)) {
						t.Errorf("got %v: %v, want SYSTEM with the cause", s.cause.Category, s.cause)
					}
				})
			})
		}
	}
}

// [R2] A deadline that the handler set for itself is not ours, even where it is derived from the attempt's context.
func TestDeadlineOfTheHandlersOwnIsSystem(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		s := inPhase(policy.PhaseProcess, func(ctx context.Context) error {
			own, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			<-own.Done()
			return fmt.Errorf("calling: %w", own.Err())
		})
		r := newRig(s.task(), "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Process = retrying(2, 2*time.Second, time.Minute)
		r.run(t)
		s.want(t, "0s process", "1m1s process", "1m2s exception")
		if s.cause.Category != ergon.CategorySystem || !errors.Is(s.cause, context.DeadlineExceeded) {
			t.Errorf("got %v: %v, want SYSTEM with the deadline as its cause", s.cause.Category, s.cause)
		}
		if n := r.consumer.Snapshot().Timeouts; n != 0 {
			t.Errorf("got %d timeouts in the snapshot, want none", n)
		}
	})
}

// [R2]
func TestOwnDeadlineIsTimeoutAndIsRetried(t *testing.T) {
	for _, in := range phases {
		t.Run(string(in.phase), func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				s := inPhase(in.phase, func(ctx context.Context) error {
					<-ctx.Done()
					if cause := context.Cause(ctx); cause != ergon.ErrAttemptTimeout { //nolint:errorlint // it itself
						t.Errorf("got cause %v, want ErrAttemptTimeout", cause)
					}
					return ctx.Err()
				})
				r := newRig(s.task(), "a")
				r.Policy.Loop.Execution = execution
				for _, step := range []*policy.Step{&r.Policy.Process, &r.Policy.Success, &r.Policy.Exception} {
					*step = retrying(2, time.Second, time.Minute)
				}
				r.run(t)
				want := at(0, append(append([]string{}, in.before...), string(in.phase))...)
				want = append(want, "1m1s "+string(in.phase))
				s.want(t, append(want, at(62*time.Second, in.after...)...)...)
				if in.phase == policy.PhaseException {
					return
				}
				if s.cause.Category != ergon.CategoryTimeout || s.cause.Attempts != 2 {
					t.Errorf("got %v after %d attempts, want TIMEOUT after 2", s.cause.Category, s.cause.Attempts)
				}
				if !errors.Is(s.cause, ergon.ErrAttemptTimeout) || !errors.Is(s.cause, context.DeadlineExceeded) ||
					errors.Is(s.cause, ergon.ErrTransactionTimeout) {
					t.Errorf("got %v, want the attempt's timeout", s.cause)
				}
				if n := r.consumer.Snapshot().Timeouts; n != 2 {
					t.Errorf("got %d timeouts in the snapshot, want 2", n)
				}
			})
		})
	}
}

type typedFailureError struct{ code int }

func (f *typedFailureError) Error() string { return fmt.Sprintf("code %d", f.code) }

// [R2]
func TestErrorsOfTheFirstAndTheLastAttemptAreReached(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		n := 0
		s := inPhase(policy.PhaseProcess, func(context.Context) error {
			n++
			switch n {
			case 1:
				return fmt.Errorf("dialling: %w", &typedFailureError{code: 1})
			case 2:
				return errors.New("forgotten")
			default:
				return fmt.Errorf("reading: %w", errScripted)
			}
		})
		r := newRig(s.task(), "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Process = retrying(3, time.Second, 0)
		r.run(t)
		err := r.resultOf(t, "a").Err
		if !errors.Is(err, errScripted) {
			t.Errorf("got %v, which does not reach the last cause", err)
		}
		if first, ok := errors.AsType[*typedFailureError](err); !ok || first.code != 1 {
			t.Errorf("got %v, which does not reach the first cause", err)
		}
		if got, want := err.Error(), "process: SYSTEM: reading: scripted failure (after 3 attempts)"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
