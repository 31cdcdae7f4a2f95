package attempt_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/attempt"
)

var errCause = errors.New("the deadline of the call")

// call makes a call of fn, and returns whether it was in time, to its caller and to its goroutine, once both know.
func call(ctx context.Context, callers *attempt.Callers, timeout time.Duration, fn func()) (waited, delivered bool) {
	var c attempt.Call
	c.Begin(ctx, callers, timeout)
	done := make(chan bool)
	go func() {
		fn()
		done <- c.Deliver()
	}()
	waited = c.Wait()
	return waited, <-done
}

func takes(d time.Duration) func() { return func() { time.Sleep(d) } }

// [T1] One waiter after the other is used for calls with deadlines that are earlier, later and the same: each call is left exactly at
// its own, whatever the timer was set to by those before it.
func TestEveryCallIsLeftAtItsOwnDeadline(t *testing.T) {
	const s, h = time.Second, time.Hour
	for name, timeouts := range map[string][]time.Duration{
		"the same": {5 * s, 5 * s, 5 * s}, "earlier": {5 * s, 3 * s, s}, "later": {s, 3 * s, 5 * s}, "none between": {2 * s, 0, 2 * s},
		"long ones": {h, 2 * h, h, s}, "mixed": {5 * s, h, s, 0, 7 * s, s},
	} {
		for take, inTime := range map[time.Duration]bool{-1: true, 0: false, 1: false} { // beside the deadline
			t.Run(name+"/"+take.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					callers := attempt.NewCallers(errCause)
					for i, timeout := range timeouts {
						start := time.Now()
						if waited, _ := call(context.Background(), callers, 10*h, takes(s/3)); !waited || time.Since(start) != s/3 {
							t.Fatalf("before call %d: in time is %t after %s", i, waited, time.Since(start))
						}
						start = time.Now()
						if timeout == 0 {
							if waited, _ := call(context.Background(), callers, 0, takes(100*h)); !waited {
								t.Errorf("call %d has no deadline, and was given up after %s", i, time.Since(start))
							}
							continue
						}
						waited, delivered := call(context.Background(), callers, timeout, takes(timeout+take))
						if waited != inTime || delivered != inTime {
							t.Errorf("call %d: in time is %t for the caller, %t for the function; want %t", i, waited, delivered, inTime)
						}
					}
				})
			})
		}
	}
}

// [T1] A caller leaves at the deadline, not when the function comes back.
func TestCallerLeavesAtTheDeadline(t *testing.T) {
	for name, c := range map[string]struct{ context, timeout, want time.Duration }{
		"its own":           {0, time.Second, time.Second},
		"the context's":     {time.Second, 2 * time.Second, time.Second},
		"its own, in a ctx": {2 * time.Second, time.Second, time.Second},
		"only a context's":  {time.Second, 0, time.Second},
		"longer than lasts": {0, 3 * time.Hour, 3 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				callers := attempt.NewCallers(errCause)
				for range 3 {
					ctx := context.Background()
					if c.context > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, c.context)
						context.AfterFunc(ctx, cancel)
					}
					var call attempt.Call
					start := time.Now()
					call.Begin(ctx, callers, c.timeout)
					if got, ok := call.Deadline(); !ok || !got.Equal(start.Add(c.want)) {
						t.Errorf("deadline %v, %t, want %s from the start", got, ok, c.want)
					}
					go func() {
						time.Sleep(100 * time.Hour)
						if call.Deliver() || !call.GivenUp() || !call.ReturnedLate() {
							t.Error("what comes back late was delivered")
						}
					}()
					if call.Wait() || time.Since(start) != c.want {
						t.Errorf("in time is true, or it took %s, want %s", time.Since(start), c.want)
					}
				}
				time.Sleep(101 * time.Hour)
			})
		})
	}
}

// The end of the caller's context and the return of the function at once: the caller and the function agree about who was first. The
// waiter is used again meanwhile, so a word that is said twice or not at all would be noticed by the next.
func TestCallerAndFunctionAgree(t *testing.T) {
	callers := attempt.NewCallers(errCause)
	var given, kept atomic.Int64
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5000 {
				ctx, cancel := context.WithCancel(context.Background())
				started := make(chan struct{})
				go func() {
					<-started
					cancel()
				}()
				waited, delivered := call(ctx, callers, time.Hour, func() {
					close(started)
					runtime.Gosched()
				})
				if waited != delivered {
					t.Errorf("in time is %t for the caller, %t for the function", waited, delivered)
				}
				if waited {
					kept.Add(1)
				} else {
					given.Add(1)
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d were in time, %d given up", kept.Load(), given.Load())
}

// The waiters of a program are not used within a bubble, nor those of a bubble after it: the runtime ends the process for that.
func TestWaitersStayOutOfBubbles(t *testing.T) {
	callers := attempt.NewCallers(errCause)
	for range 3 {
		if waited, _ := call(t.Context(), callers, time.Hour, func() {}); !waited {
			t.Error("a call that returns at once is given up outside of a bubble")
		}
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			if waited, _ := call(context.Background(), callers, time.Hour, takes(2*time.Hour)); waited {
				t.Error("a call that takes too long is kept within a bubble")
			}
			if got := time.Since(start); got != 2*time.Hour {
				t.Errorf("it took %s, want 2h", got)
			}
			time.Sleep(60 * 365 * 24 * time.Hour) // what the clock says after that is no sign of a bubble
			if waited, _ := call(t.Context(), callers, time.Hour, takes(time.Minute)); !waited {
				t.Error("a call in time is given up within a bubble")
			}
		})
	}
}

// A call makes what the context needs to end only if somebody asks, and neither a channel nor a timer: the call, and the goroutine's
// closure.
func TestCallMakesTwoAllocations(t *testing.T) {
	callers := attempt.NewCallers(errCause)
	got := testing.AllocsPerRun(1000, func() {
		c := &attempt.Call{}
		c.Begin(context.Background(), callers, time.Hour)
		go c.Deliver()
		c.Wait()
	})
	if got > maxAllocations {
		t.Errorf("got %v allocations a call, want %v", got, maxAllocations)
	}
}

// What the context ended with is seen by contexts derived from it, before and after.
func TestContextOfAnAttemptEndsOnce(t *testing.T) {
	errFirst, errSecond := errors.New("first"), errors.New("second")
	var c ctx
	child, cancel := context.WithCancelCause(&c)
	defer cancel(nil)
	c.End(context.DeadlineExceeded, errFirst)
	c.End(context.Canceled, errSecond)
	<-child.Done()
	late, cancelLate := context.WithCancel(&c)
	defer cancelLate()
	for name, got := range map[string]context.Context{"itself": &c, "derived before": child, "derived after": late} {
		<-got.Done()
		if err, cause := got.Err(), context.Cause(got); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(cause, errFirst) {
			t.Errorf("%s: ended with %v, %v, want the first", name, err, cause)
		}
	}
	if c.GivenUp() || !c.Running() {
		t.Error("the end of the context has decided about the owner")
	}
}

// ctx is an attempt without a deadline.
type ctx struct{ attempt.Attempt }

func (*ctx) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c *ctx) Value(key any) any { return c.ValueFrom(context.Background(), key) }

// A context that nobody looked at while its function ran has ended for those who look later.
func TestContextOfAReturnedAttemptHasEnded(t *testing.T) {
	var c ctx
	if c.Err() != nil {
		t.Errorf("got %v while it runs", c.Err())
	}
	if !c.Return() || c.Return() || c.Expire() || c.Abandon() {
		t.Error("not exactly one has decided")
	}
	if err := c.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end", err)
	}
	<-c.Done()
	if stop := c.AfterFunc(func() {}); stop() {
		t.Error("what was asked for after the end was taken back")
	}
}
