package ergon_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// faultyError is an error one of whose methods does something, at its nth call and from then on.
type faultyError struct {
	method string
	do     func()
	from   int
	calls  int
}

func (b *faultyError) at(method string) {
	if b.method != method {
		return
	}
	b.calls++
	if b.calls >= b.from {
		b.do()
	}
}

func (b *faultyError) Error() string {
	b.at("Error")
	return "brittle"
}

func (b *faultyError) Is(error) bool {
	b.at("Is")
	return false
}

func (b *faultyError) As(any) bool {
	b.at("As")
	return false
}

func (b *faultyError) Unwrap() error {
	b.at("Unwrap")
	return nil
}

func (b *faultyError) IsPermanent() bool {
	b.at("IsPermanent")
	return false
}

func (b *faultyError) RetryDelay() (time.Duration, bool) {
	b.at("RetryDelay")
	return 0, false
}

// [F1] [R2] What the methods of an error do is a part of its attempt: RunFn continues, and returns at its bound.
func TestRunFnReadsErrorsWithinTheAttempt(t *testing.T) {
	for _, method := range []string{"Error", "Is", "As", "Unwrap", "IsPermanent", "RetryDelay"} {
		for name, do := range map[string]func(release <-chan struct{}) func(){
			"panics": func(<-chan struct{}) func() { return func() { panic("brittle") } },
			"exits":  func(<-chan struct{}) func() { return runtime.Goexit },
			"hangs":  func(release <-chan struct{}) func() { return func() { <-release } },
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					release := make(chan struct{})
					began, attempts := time.Now(), atomic.Int64{} // counted by one goroutine for each attempt
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					_, err := ergon.RunFn(ctx, policy.Retry{MaxAttempts: 2, Timeout: time.Second, BackoffMultiplier: 1},
						func(ctx context.Context) (int, error) {
							attempts.Add(1)
							if method == "Is" { // which is asked whether it tells of the end
								<-ctx.Done()
							}
							return 0, &faultyError{method: method, do: do(release), from: 1}
						})
					want, most := ergon.CategorySystem, time.Duration(0)
					if name == "hangs" || method == "Is" {
						want, most = ergon.CategoryTimeout, 2*time.Second
					}
					if got := ergon.CategoryOf(err); err == nil || got != want || attempts.Load() != 2 {
						t.Errorf("got %v of category %v after %d attempts, want %v after 2", err, got, attempts.Load(), want)
					}
					if took := time.Since(began); took > most {
						t.Errorf("it took %s, want %s at most", took, most)
					}
					close(release)
				})
			})
		}
	}
}

// [R2] A nil pointer that something panicked with is found by errors.As, and nobody trips over its methods.
func TestPanickedErrorIsReachedAndBorneWith(t *testing.T) {
	cause := errors.New("cause")
	_, err := ergon.RunFn(t.Context(), policy.Retry{MaxAttempts: 1, Timeout: time.Second, BackoffMultiplier: 1},
		func(context.Context) (int, error) { panic(cause) })
	if !errors.Is(err, cause) {
		t.Errorf("got %v, want one that is the cause", err)
	}
	_, err = ergon.RunFn(t.Context(), policy.Retry{MaxAttempts: 1, Timeout: time.Second, BackoffMultiplier: 1},
		func(context.Context) (int, error) { panic(&faultyError{method: "Is", do: func() { panic("again") }}) })
	if errors.Is(err, cause) {
		t.Error("it is what it is not")
	}
	if found, ok := errors.AsType[*faultyError](err); !ok || found.method != "Is" {
		t.Errorf("got %v, want what it panicked with", err)
	}
}
