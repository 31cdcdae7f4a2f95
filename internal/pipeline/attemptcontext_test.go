package pipeline_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

type testKey struct{}

// inAttempt runs do as the only attempt to process of a transaction, on a policy of 10s for the attempt. The result is of
// no interest.
func inAttempt(t *testing.T, do func(ctx context.Context), change ...func(*rig)) {
	t.Helper()
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			do(ctx)
			return nil, nil
		}}, "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Process = once(10 * time.Second)
		for _, c := range change {
			c(r)
		}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), testKey{}, "value"))
		defer cancel()
		r.start(ctx, t)
		_ = r.wait()
		synctest.Wait()
	})
}

func isOpen(done <-chan struct{}) bool {
	select {
	case <-done:
		return false
	default:
		return true
	}
}

// wantEnd wants a context that has ended with err because of cause; where both are nil, one that has not.
func wantEnd(t *testing.T, what string, ctx context.Context, err, cause error) { //nolint:revive // what is shown first, as in t.Run
	t.Helper()
	if got := ctx.Err(); got != err { //nolint:errorlint // it itself
		t.Errorf("%s: Err is %v, want %v", what, got, err)
	}
	if got := context.Cause(ctx); got != cause { //nolint:errorlint // it itself
		t.Errorf("%s: the cause is %v, want %v", what, got, cause)
	}
	if open := isOpen(ctx.Done()); open != (err == nil) {
		t.Errorf("%s: Done is open: %v, want %v", what, open, err == nil)
	}
}

// [T1]
func TestContextEndsExactlyAtTheDeadlineOfTheAttempt(t *testing.T) {
	inAttempt(t, func(ctx context.Context) {
		began := time.Now()
		if deadline, ok := ctx.Deadline(); !ok || !deadline.Equal(began.Add(10*time.Second)) {
			t.Errorf("Deadline is %v, %v, want 10s from %v", deadline, ok, began)
		}
		done := ctx.Done()
		if done != ctx.Done() {
			t.Error("Done is another channel each time")
		}
		time.Sleep(10*time.Second - 1)
		wantEnd(t, "1ns before the deadline", ctx, nil, nil)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantEnd(t, "at the deadline", ctx, context.DeadlineExceeded, ergon.ErrAttemptTimeout)
		time.Sleep(time.Hour)
		wantEnd(t, "long after the deadline", ctx, context.DeadlineExceeded, ergon.ErrAttemptTimeout)
		if isOpen(done) {
			t.Error("the channel from the beginning is open")
		}
	}, func(r *rig) { r.Policy.Loop.Concurrency.Headroom = 5 }, leavingAnHour)
}

// leavingAnHour makes a loop last long enough for a late handler to return in virtual time.
func leavingAnHour(r *rig) {
	r.Handlers.Exception = func(context.Context, ergon.Transaction, *ergon.TransactionError) (ergon.Disposition, error) {
		time.Sleep(time.Hour + time.Minute)
		return ergon.Disposition{}, nil
	}
	r.Policy.Exception = once(2 * time.Hour)
}

// [T1] Nobody has asked for Done before the deadline.
func TestContextThatNobodyObservedHasEndedAllTheSame(t *testing.T) {
	inAttempt(t, func(ctx context.Context) {
		time.Sleep(10*time.Second + 1)
		wantEnd(t, "after the deadline", ctx, context.DeadlineExceeded, ergon.ErrAttemptTimeout)
	}, leavingAnHour)
}

// [T1, T3, P4, S5]
func TestCauseTellsWhatEndedTheContext(t *testing.T) {
	for _, test := range []struct {
		name       string
		after      time.Duration
		err, cause error
		change     func(*rig)
	}{
		{"the attempt's timeout", 10 * time.Second, context.DeadlineExceeded, ergon.ErrAttemptTimeout, func(*rig) {}},
		{
			"the transaction's timeout, 1ns earlier", 10*time.Second - 1, context.DeadlineExceeded, ergon.ErrTransactionTimeout,
			func(r *rig) {
				r.Policy.Loop.TransactionTimeout = 10*time.Second - 1
				r.Handlers.Success = r.withSuccessOnly()
				r.Policy.Success = once(time.Minute)
			},
		},
		{
			"the transaction's timeout, 1ns later", 10 * time.Second, context.DeadlineExceeded, ergon.ErrAttemptTimeout,
			func(r *rig) { r.Policy.Loop.TransactionTimeout = 10*time.Second + 1 },
		},
		{
			"a shutdown", 3 * time.Second, context.Canceled, ergon.ErrInterrupted, func(r *rig) {
				force := make(chan struct{})
				r.Force = force
				r.Shutdown = policy.Shutdown{Grace: time.Second, Force: time.Hour}
				r.Policy.Loop.Timeout = 2 * time.Second
			},
		},
		{
			"a lost lease, at its extension", 0, context.Canceled, capability.ErrStaleDelivery, func(r *rig) {
				queue := memory.NewLeased(memory.Settings{Transactions: transactionsOf("a")}, 12*time.Second)
				r.Source = memory.WithLeaseFaults(queue, memory.DropDelivery(memory.OnExtend))
				r.Policy.Loop.Limit = 1
				r.Policy.Success, r.Policy.Exception = once(time.Second), once(time.Second)
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inAttempt(t, func(ctx context.Context) {
				if test.after > 0 {
					time.Sleep(test.after - 1)
					wantEnd(t, "1ns before", ctx, nil, nil)
					time.Sleep(time.Nanosecond)
					synctest.Wait()
				} else {
					<-ctx.Done()
				}
				if ctx.Err() != test.err || !errors.Is(context.Cause(ctx), test.cause) { //nolint:errorlint // it itself
					t.Errorf("got %v because of %v, want %v because of %v", ctx.Err(), context.Cause(ctx), test.err, test.cause)
				}
			}, func(r *rig) { leavingAnHour(r); test.change(r) })
		})
	}
}

// withSuccessOnly moves what the rig does from process to success: a process timeout beyond the transaction's is refused.
func (r *rig) withSuccessOnly() func(context.Context, ergon.Transaction, any) error {
	process := r.Handlers.Process
	r.Policy.Process = once(time.Second)
	r.Handlers.Process = func(context.Context, ergon.Transaction) (any, error) { return nil, nil }
	return func(ctx context.Context, tx ergon.Transaction, _ any) error {
		_, err := process(ctx, tx)
		return err
	}
}

// [T1] Each child is a context of package context, made by another of its functions.
func TestChildContextsEndAsThoseOfTheStandardLibraryDo(t *testing.T) {
	inAttempt(t, func(ctx context.Context) {
		children := map[string]context.Context{}
		var cancels []context.CancelFunc
		add := func(name string, child context.Context, cancel context.CancelFunc) {
			children[name] = child //nolint:fatcontext // each is one of many, none the parent of the next
			cancels = append(cancels, cancel)
		}
		withCancel, cancel := context.WithCancel(ctx)
		add("WithCancel", withCancel, cancel)
		withCause, cancelCause := context.WithCancelCause(ctx)
		add("WithCancelCause", withCause, func() { cancelCause(nil) })
		longer, cancel := context.WithTimeout(ctx, time.Hour)
		add("WithTimeout, longer", longer, cancel)
		if deadline, _ := longer.Deadline(); time.Until(deadline) != 10*time.Second {
			t.Errorf("a longer timeout gives %v, want what is left of the attempt", time.Until(deadline))
		}
		add("WithValue", context.WithValue(ctx, testKey{}, 1), func() {})
		ofValue, cancel := context.WithCancel(context.WithValue(ctx, testKey{}, 1))
		add("WithCancel of WithValue", ofValue, cancel)
		grandchild, cancel := context.WithTimeoutCause(withCancel, time.Hour, errScripted)
		add("a child of a child", grandchild, cancel)

		shorter, cancel := context.WithTimeoutCause(ctx, time.Second, errScripted)
		defer cancel()
		own, cancelOwn := context.WithCancelCause(ctx)
		cancelOwn(errScripted)
		wantEnd(t, "a child that was cancelled", own, context.Canceled, errScripted)
		free := context.WithoutCancel(ctx)
		if _, ok := free.Deadline(); ok || free.Done() != nil {
			t.Error("WithoutCancel has a deadline")
		}
		ran := make(chan time.Time, 2)
		context.AfterFunc(ctx, func() { ran <- time.Now() })
		stopped := context.AfterFunc(ctx, func() { t.Error("a func that was stopped ran") })
		if !stopped() || stopped() {
			t.Error("stop says that it was too late, or succeeds twice")
		}

		time.Sleep(time.Second)
		synctest.Wait()
		wantEnd(t, "WithTimeout, shorter", shorter, context.DeadlineExceeded, errScripted)
		wantEnd(t, "the attempt after its children", ctx, nil, nil)
		time.Sleep(9*time.Second - 1)
		for name, child := range children {
			wantEnd(t, name+", 1ns before", child, nil, nil)
		}
		if len(ran) != 0 {
			t.Error("AfterFunc ran before the deadline")
		}
		time.Sleep(time.Nanosecond)
		deadline := time.Now()
		synctest.Wait()
		for name, child := range children {
			wantEnd(t, name, child, context.DeadlineExceeded, ergon.ErrAttemptTimeout)
		}
		if at := <-ran; !at.Equal(deadline) || len(ran) != 0 {
			t.Errorf("AfterFunc ran at %v and %d times more, want once at %v", at, len(ran), deadline)
		}
		wantEnd(t, "WithTimeout, shorter, later on", shorter, context.DeadlineExceeded, errScripted)
		wantEnd(t, "a child that was cancelled, later on", own, context.Canceled, errScripted)
		if free.Err() != nil || context.Cause(free) != nil {
			t.Errorf("WithoutCancel ended with %v because of %v", free.Err(), context.Cause(free))
		}

		born, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		wantEnd(t, "a child made afterwards", born, context.DeadlineExceeded, ergon.ErrAttemptTimeout)
		late := make(chan struct{})
		if stop := context.AfterFunc(ctx, func() { close(late) }); stop() {
			t.Error("a func that runs already could be stopped")
		}
		<-late
		for _, cancel := range cancels {
			cancel()
		}
		for name, child := range children {
			wantEnd(t, name+", cancelled afterwards", child, context.DeadlineExceeded, ergon.ErrAttemptTimeout)
		}
	}, leavingAnHour)
}

// [T1] What a handler leaves behind sees the end of its attempt, however that returned.
func TestContextIsCanceledOnceItsAttemptHasReturned(t *testing.T) {
	for name, end := range map[string]func() error{
		"with a result": func() error { return nil },
		"with an error": func() error { return ergon.Business(errScripted) },
		"by a panic":    func() error { panic(errScripted) },
		"by a goexit": func() error {
			runtime.Goexit()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				var observed, unobserved, child context.Context
				var done <-chan struct{}
				ran := make(chan struct{})
				next := func(ctx context.Context) {
					unobserved = ctx //nolint:fatcontext // what becomes of it afterwards is the test
					wantEnd(t, "the attempt before", observed, context.Canceled, context.Canceled)
				}
				r := newRig(ergon.Task{
					Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
						observed, done = ctx, ctx.Done() //nolint:fatcontext // as above
						var cancel context.CancelFunc
						child, cancel = context.WithTimeout(ctx, time.Hour)
						t.Cleanup(cancel) // it is abandoned until then
						context.AfterFunc(ctx, func() { close(ran) })
						return nil, end()
					},
					Success: func(ctx context.Context, _ ergon.Transaction, _ any) error {
						next(ctx)
						return nil
					},
					Exception: func(ctx context.Context, _ ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
						next(ctx)
						return ergon.Disposition{}, nil
					},
				}, "a")
				r.Policy.Loop.Execution = execution
				r.Policy.Process = once(time.Minute)
				r.run(t)
				<-ran
				synctest.Wait()
				wantEnd(t, "what was observed", observed, context.Canceled, context.Canceled)
				wantEnd(t, "what was not", unobserved, context.Canceled, context.Canceled)
				wantEnd(t, "a child", child, context.Canceled, context.Canceled)
				if isOpen(done) {
					t.Error("the channel that was asked for is open")
				}
				time.Sleep(time.Hour)
				wantEnd(t, "after the deadline", observed, context.Canceled, context.Canceled)
				born, cancel := context.WithCancel(unobserved)
				defer cancel()
				wantEnd(t, "a child made afterwards", born, context.Canceled, context.Canceled)
				late := make(chan struct{})
				context.AfterFunc(unobserved, func() { close(late) })
				<-late
			})
		})
	}
}

// [T1, O3]
func TestContextKnowsItsAttemptAndTheValuesOfTheLoop(t *testing.T) {
	var got []spans.Scope
	see := func(ctx context.Context) {
		child, cancel := context.WithCancel(context.WithValue(ctx, testKey{}, "nearer"))
		defer cancel()
		scope, ok := spans.ScopeFrom(child)
		if !ok {
			t.Error("there is no scope")
		}
		got = append(got, scope)
		if ctx.Value(testKey{}) != "value" || child.Value(testKey{}) != "nearer" || ctx.Value("unknown") != nil {
			t.Errorf("got values %v, %v, %v", ctx.Value(testKey{}), child.Value(testKey{}), ctx.Value("unknown"))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(ergon.Task{
			Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
				see(ctx)
				if len(got) == 1 {
					return nil, errScripted
				}
				return nil, nil
			},
			Success: func(ctx context.Context, _ ergon.Transaction, _ any) error {
				see(ctx)
				return ergon.Business(errScripted)
			},
			Exception: func(ctx context.Context, _ ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
				see(ctx)
				return ergon.Disposition{}, nil
			},
		}, "a")
		r.start(context.WithValue(t.Context(), testKey{}, "value"), t)
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	})
	scope := func(phase string, attempt int) spans.Scope {
		return spans.Scope{Task: "task", Worker: "worker-1", TransactionID: "a", Phase: phase, Attempt: attempt}
	}
	want := []spans.Scope{scope("process", 1), scope("process", 2), scope("success", 1), scope("exception", 1)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
}

// [T1] The end of the loop's context begins the shutdown ladder, and only that ends the handlers'.
func TestContextOutlivesThatOfTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r := newRig(ergon.Task{Process: func(attempt context.Context, _ ergon.Transaction) (any, error) {
			time.Sleep(5 * time.Second)
			wantEnd(t, "4s into the grace", attempt, nil, nil)
			if deadline, _ := attempt.Deadline(); time.Until(deadline) != 25*time.Second {
				t.Errorf("the deadline is in %v, want that of the attempt", time.Until(deadline))
			}
			return nil, nil
		}}, "a")
		r.start(ctx, t)
		if err := r.wait(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want what ended the loop's context", err)
		}
	})
}

// [T1] Contexts made from an attempt's cost no goroutine, as those made from the standard library's do not.
func TestChildContextsStartNoGoroutine(t *testing.T) {
	const n = 1000
	for name, made := range map[string]func(context.Context) context.CancelFunc{
		"WithCancel": func(ctx context.Context) context.CancelFunc {
			_, cancel := context.WithCancel(ctx)
			return cancel
		},
		"WithTimeout": func(ctx context.Context) context.CancelFunc {
			_, cancel := context.WithTimeout(ctx, time.Hour)
			return cancel
		},
		"AfterFunc": func(ctx context.Context) context.CancelFunc {
			stop := context.AfterFunc(ctx, func() {})
			return func() { stop() }
		},
		"WithCancel of WithCancel": func(ctx context.Context) context.CancelFunc {
			parent, cancel := context.WithCancel(ctx)
			_, cancelChild := context.WithCancel(parent)
			return func() { cancelChild(); cancel() }
		},
		"WithTimeout of WithValue": func(ctx context.Context) context.CancelFunc {
			_, cancel := context.WithTimeout(context.WithValue(ctx, testKey{}, 1), time.Hour)
			return cancel
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "WithTimeout of WithValue" {
				t.Skip("bug: package context finds an AfterFunc method on the parent itself only, not behind a value")
			}
			r := newRig(ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
				before := runtime.NumGoroutine()
				cancels := make([]context.CancelFunc, n)
				for i := range cancels {
					cancels[i] = made(ctx)
				}
				if more := runtime.NumGoroutine() - before; more > n/10 {
					t.Errorf("%d children started %d goroutines", n, more)
				}
				for _, cancel := range cancels {
					cancel()
				}
				return nil, nil
			}}, "a")
			r.run(t)
		})
	}
}

// [T1] Attempts return, time out and are interrupted while others look at their contexts; the race detector judges.
func TestContextIsSafeForConcurrentUse(t *testing.T) {
	const n = 200
	var observers sync.WaitGroup
	observe := func(ctx context.Context) {
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		stop := context.AfterFunc(ctx, func() {})
		defer stop()
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			default:
				_, _ = ctx.Deadline()
				_, _ = spans.ScopeFrom(ctx)
				_ = context.Cause(ctx)
				runtime.Gosched()
			}
		}
		<-child.Done()
		err, cause := ctx.Err(), context.Cause(ctx)
		if child.Err() != err || cause == nil || context.Cause(child) != cause { //nolint:errorlint // itself
			t.Errorf("attempt: %v because of %v, child: %v because of %v", err, cause, child.Err(), context.Cause(child))
		}
	}
	bounded, stop := context.WithTimeout(t.Context(), 10*time.Second) // real ones: some wait for their deadline
	defer stop()
	ctx, cancel := context.WithCancel(bounded)
	defer cancel()
	r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
		i, _ := strconv.Atoi(tx.ID())
		for range 3 {
			observers.Go(func() { observe(ctx) })
		}
		switch {
		case i == n-1:
			cancel()
			<-ctx.Done()
		case i%3 == 0:
			<-ctx.Done()
		case i%3 == 1:
			runtime.Gosched()
		}
		return nil, nil
	}}, numbered(n)...)
	r.Policy.Loop.Concurrency = policy.Concurrency{Value: 8, Headroom: n}
	r.Policy.Process = once(time.Millisecond)
	r.Shutdown = policy.Shutdown{}
	r.start(ctx, t)
	if err := r.wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
	observers.Wait()
}
