package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/observe"
)

// phasesOf are handlers of which the one of that phase fails with err for transaction "a".
func failingIn(phase string, err error) ergon.Task {
	fails := func(in string, tx ergon.Transaction) error {
		if phase == in && tx.ID() == "a" {
			return err
		}
		return nil
	}
	return ergon.Task{
		Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			if phase == "exception" && tx.ID() == "a" {
				return nil, ergon.Business(errors.New("a rule said no"))
			}
			return "result", fails("process", tx)
		},
		Success: func(_ context.Context, tx ergon.Transaction, _ any) error { return fails("success", tx) },
		Exception: func(_ context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
			return ergon.Discard(), fails("exception", tx)
		},
	}
}

// [F1] Whatever a method of a handler's error does, it does to its attempt: the next transaction continues, and nobody else calls
// the method.
func TestMethodsOfAnErrorAreTheAttemptsAffair(t *testing.T) {
	for _, phase := range []string{"process", "success", "exception"} {
		for _, method := range errorMethods {
			for _, how := range []faultMode{panicking, hanging, exiting} {
				t.Run(strings.Join([]string{phase, method, string(how)}, " "), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						f := &foreign{where: method, how: how, release: make(chan struct{})}
						r := newRig(failingIn(phase, &foreignError{f}), "a", "b")
						r.Logger = slog.New(slog.NewJSONHandler(&discard{}, &slog.HandlerOptions{Level: slog.LevelDebug}))
						r.Recorder = observe.NewRecorder(false)
						r.Policy.Process, r.Policy.Success, r.Policy.Exception = once(time.Second), once(time.Second), once(time.Second)
						r.Policy.Loop.Concurrency.Headroom = 2
						r.run(t)
						want := pipeline.Discarded
						if phase == "exception" {
							want = pipeline.HandlerFailed
						}
						if got := r.resultOf(t, "a"); got.Outcome != want {
							t.Errorf("got %v, want %v", got.Outcome, want)
						}
						if got := r.resultOf(t, "b"); got.Outcome != pipeline.Succeeded {
							t.Errorf("its neighbour is %v: %v", got.Outcome, got.Err)
						}
						close(f.release)
						synctest.Wait()
					})
				})
			}
		}
	}
}

// discard is a writer that keeps nothing, but has a handler format its records.
type discard struct{}

func (*discard) Write(p []byte) (int, error) { return len(p), nil }

// coded is an error whose methods need a value.
type coded struct{ code int }

func (c *coded) Error() string { return "coded" }

func (c *coded) Is(target error) bool {
	other, ok := target.(*coded)
	return c.code == 7 || ok && other.code == c.code
}

// [F1] [R2] A nil pointer that is returned as an error, a common mistake, is SYSTEM, whatever its methods do with it. So is one
// that something panicked with.
func TestNilPointerAsAnErrorIsSystem(t *testing.T) {
	for name, process := range map[string]func() error{
		"returned":                   func() error { return (*coded)(nil) },
		"wrapped":                    func() error { return errors.Join(errors.New("more"), (*coded)(nil)) },
		"panicked with":              func() error { panic((*coded)(nil)) },
		"of Ergon":                   func() error { return (*ergon.TransactionError)(nil) },
		"panicked with, and refusal": func() error { panic(ergon.Business(errors.New("no"))) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
					if tx.ID() == "a" {
						return nil, process()
					}
					return nil, nil
				}}, "a", "b")
				r.Policy.Process = once(time.Second)
				r.run(t)
				failed, ok := errors.AsType[*ergon.TransactionError](r.resultOf(t, "a").Err)
				if !ok || failed.Category != ergon.CategorySystem {
					t.Errorf("got %v, want a failure of category SYSTEM", r.resultOf(t, "a").Err)
				}
				if got := r.resultOf(t, "b").Outcome; got != pipeline.Succeeded {
					t.Errorf("its neighbour is %v", got)
				}
			})
		})
	}
}

// [F3] What an exception handler does to what it was told stays with that call.
func TestExceptionHandlerIsToldACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := errors.New("no")
		var told []*ergon.TransactionError
		r := newRig(ergon.Task{
			Process: func(context.Context, ergon.Transaction) (any, error) { return nil, ergon.Business(said) },
			Exception: func(_ context.Context, _ ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
				told = append(told, cause)
				if !errors.Is(cause, said) {
					t.Errorf("attempt %d is told %v", len(told), cause)
				}
				cause.Err, cause.First, cause.Category = nil, nil, ergon.CategoryTimeout
				return ergon.Disposition{}, errors.New("again")
			},
		}, "a")
		r.Policy.Exception = retrying(3, time.Second, time.Second)
		r.run(t)
		if len(told) != 3 || told[0] == told[1] || told[1] == told[2] {
			t.Errorf("%d attempts were told %v, want 3 with a copy each", len(told), told)
		}
		if got := r.resultOf(t, "a").Outcome; got != pipeline.HandlerFailed {
			t.Errorf("got %v", got)
		}
	})
}
