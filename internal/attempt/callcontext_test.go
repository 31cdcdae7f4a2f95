package attempt_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/fence"
)

type (
	key     struct{}
	another struct{}
)

// The context of a call ends with the call, with its deadline, and with its caller's context, for whoever looks at it before or after.
func TestContextOfACallEnds(t *testing.T) {
	errCaller := errors.New("the caller's own")
	for name, c := range map[string]struct {
		takes      time.Duration
		end        func(cancel context.CancelCauseFunc)
		err, cause error
		givenUp    bool
	}{
		"when it has returned": {time.Second, func(context.CancelCauseFunc) {}, context.Canceled, context.Canceled, false},
		"at its deadline":      {3 * time.Second, func(context.CancelCauseFunc) {}, context.DeadlineExceeded, errCause, true},
		"with its caller's": {
			3 * time.Second, func(cancel context.CancelCauseFunc) { cancel(errCaller) }, context.Canceled, errCaller, true,
		},
	} {
		for _, looks := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					caller, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, "value"))
					defer cancel(nil)
					time.AfterFunc(time.Second+1, func() { c.end(cancel) })
					var call attempt.Call
					call.Begin(caller, attempt.NewCallers(errCause), 2*time.Second)
					outlives := context.WithoutCancel(&call)
					if looks {
						child, stop := context.WithCancel(context.WithValue(&call, another{}, 1))
						defer stop()
						if child.Err() != nil {
							t.Error("what is derived from it has ended at once")
						}
					}
					go func() {
						time.Sleep(c.takes)
						call.Deliver()
					}()
					if call.Err() != nil || call.GivenUp() {
						t.Error("it has ended at once")
					}
					call.Wait()
					<-call.Done()
					if err, cause := call.Err(), context.Cause(&call); !errors.Is(err, c.err) || !errors.Is(cause, c.cause) {
						t.Errorf("ended with %v, %v, want %v, %v", err, cause, c.err, c.cause)
					}
					if got := call.Value(key{}); got != "value" {
						t.Errorf("got %v, want the caller's value", got)
					}
					if of := fence.Of(outlives); of == nil || of.GivenUp() != c.givenUp {
						t.Errorf("a context that outlives it knows that it was given up: %v, want %t", of, c.givenUp)
					}
					time.Sleep(time.Minute)
				})
			})
		}
	}
}

// A call within a call that is given up is given up.
func TestCallWithinACallIsGivenUpWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers := attempt.NewCallers(errCause)
		var outer, inner attempt.Call
		outer.Begin(context.Background(), callers, time.Second)
		inner.Begin(context.WithoutCancel(&outer), callers, time.Hour)
		if inner.GivenUp() {
			t.Error("given up before the call around it")
		}
		outer.Wait()
		if !inner.GivenUp() || !inner.Running() {
			t.Error("not given up with the call around it, or decided by it")
		}
		go inner.Deliver()
		inner.Wait()
	})
}

// Contexts that are derived from that of a call start no goroutine, also where there is a value in between.
func TestContextsDerivedFromACallStartNoGoroutine(t *testing.T) {
	callers := attempt.NewCallers(errCause)
	var call attempt.Call
	call.Begin(t.Context(), callers, time.Hour)
	before := runtime.NumGoroutine()
	done := make([]<-chan struct{}, 50)
	cancel := make([]context.CancelFunc, len(done))
	for i := range done {
		done[i], cancel[i] = derive(&call)
	}
	if more := runtime.NumGoroutine() - before; more > 0 {
		t.Errorf("50 contexts started %d goroutines", more)
	}
	go call.Deliver()
	call.Wait()
	for i := range done {
		<-done[i]
		cancel[i]()
	}
}

// derive makes a context two steps below the given one, with a function that waits for its end, and returns its Done and Cancel.
func derive(parent context.Context) (<-chan struct{}, context.CancelFunc) {
	child, cancel := context.WithCancel(context.WithValue(parent, key{}, 1))
	context.AfterFunc(child, func() {})
	return child.Done(), cancel
}
