package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// crashes are the ways in which a handler can end without returning an error that can be read.
var crashes = []struct {
	name  string
	crash func() error
	says  string // in the message
	cause error  // that is reached; nil for none
}{
	{"panic with an error", func() error { panic(fmt.Errorf("bad: %w", errScripted)) }, "panic: bad: scripted failure", errScripted},
	{"panic with a text", func() error { panic("bad") }, "panic: bad", nil},
	{"panic with a number", func() error { panic(42) }, "panic: 42", nil},
	{"panic with nil", func() error { panic(nil) }, "panic called with nil argument", nil},
	{"panic with a nil error", func() error { panic((*typedFailureError)(nil)) }, "panic: ", nil},
	{
		"panic with a value that may be a payload",
		func() error { panic(struct{ Secret string }{"s3cr3t"}) }, "panic: a value of type struct", nil,
	},
	{"panic with a value that contains itself", func() error {
		itself := map[string]any{}
		itself["itself"] = itself
		panic(itself)
	}, "panic: a value of type map[string]interface {}", nil},
	{"nil map", func() error {
		var m map[string]int
		m["x"] = 1 //nolint:staticcheck // the crash
		return nil
	}, "assignment to entry in nil map", nil},
	{"index out of range", func() error {
		var s []int
		_ = s[len(errScripted.Error())]
		return nil
	}, "index out of range [16] with length 0", nil},
	{"goexit", func() error {
		runtime.Goexit()
		return nil
	}, "runtime.Goexit", nil},
	{"a nil pointer as an error", func() error { return (*typedFailureError)(nil) }, "nil pointer dereference", nil},
	{"an error whose causes cannot be read", func() error { return brokenCausesError{} }, "panic: no causes", nil},
	{"an error that cannot be compared", func() error { return brokenIsError{} }, "panic: not comparable", nil},
}

type brokenCausesError struct{}

func (brokenCausesError) Error() string { return "broken" }
func (brokenCausesError) Unwrap() error { panic("no causes") }

type brokenIsError struct{}

func (brokenIsError) Error() string { return "broken" }
func (brokenIsError) As(any) bool   { panic("not comparable") }

// [R2]
func TestHandlerThatCrashesIsSystemWithItsStackAndIsRetried(t *testing.T) {
	for _, test := range crashes {
		for _, in := range phases {
			t.Run(test.name+"/"+string(in.phase), func(t *testing.T) {
				inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
					s := inPhase(in.phase, func(context.Context) error { return test.crash() })
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
					if in.phase != policy.PhaseException {
						wantCrash(t, s.cause, test.says, test.cause)
					}
				})
			})
		}
	}
}

func wantCrash(t *testing.T, failed *ergon.TransactionError, says string, cause error) {
	t.Helper()
	if failed.Category != ergon.CategorySystem || failed.Attempts != 2 {
		t.Errorf("got %v after %d attempts, want SYSTEM after 2", failed.Category, failed.Attempts)
	}
	if message := failed.Error(); !strings.Contains(message, says) || strings.Contains(message, "s3cr3t") {
		t.Errorf("got %q, want %q in it, and no payload", message, says)
	}
	if cause != nil && !errors.Is(failed, cause) {
		t.Errorf("got %v, which does not reach the cause", failed)
	}
	if !strings.Contains(string(failed.Stack), "pipeline_test.") {
		t.Errorf("got a stack that does not show the handler:\n%s", failed.Stack)
	}
	if _, ok := errors.AsType[runtime.Error](failed); strings.Contains(says, "index out of range") && !ok {
		t.Error("got an error that does not reach the runtime's")
	}
}

// [R2]
func TestWorkersSurviveCrashes(t *testing.T) {
	for _, concurrency := range []int{1, 3} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				ids := numbered(20 * len(crashes))
				attempts := newTally()
				r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
					var n int
					fmt.Sscan(tx.ID(), &n)
					if attempts.add(tx.ID()) == 1 && n%2 == 1 {
						return nil, crashes[n/2%len(crashes)].crash()
					}
					return nil, nil
				}}, ids...)
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.Concurrency.Value = concurrency
				r.Policy.Process = retrying(2, time.Second, time.Millisecond)
				r.run(t)
				snapshot := r.consumer.Snapshot()
				if n := snapshot.Outcomes[pipeline.Succeeded]; n != int64(len(ids)) {
					t.Errorf("%d of %d transactions succeeded, want all: %v", n, len(ids), snapshot.Outcomes)
				}
				if snapshot.Retries != int64(len(ids)/2) || snapshot.Abandoned != 0 || snapshot.Late != 0 {
					t.Errorf("got %d retries, %d abandoned, %d late; want %d, none and none",
						snapshot.Retries, snapshot.Abandoned, snapshot.Late, len(ids)/2)
				}
			})
		})
	}
}
