// Package inline makes the first attempt of a call on the goroutine that has the work at hand, because a call on another
// goroutine costs two hand-overs. A call that is slow is handed off: another goroutine adopts it as the first attempt of its
// ergon.RunFn, which sees to retries, the hard timeout and late results. Decisions 0042 to 0044.
package inline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/panics"
)

// HandOffAfter is about what it costs to hand work over to another goroutine and back, if a processor has to be woken for it.
// A call that takes longer is handed off.
const HandOffAfter = 100 * time.Microsecond

// Call is one call of foreign code. It is made once, by Run. Its state word decides who gets the result; PROTOCOL.md has the table.
type Call[T any] struct {
	fn   func(context.Context) (T, error)
	late func(T, error) // gets the result of an abandoned call; may be nil

	timeout  time.Duration
	ctx      callContext
	state    state
	done     chan struct{} // closed when result and err may be read by who adopts
	result   T
	err      error
	returned bool // false if the call ended its goroutine
}

// Caller is the goroutine that runs a call.
type Caller interface {
	// Detach is called on that goroutine if it is not to return from Run: what ends it from then on is no failure of its own.
	Detach()
}

// New prepares a call that may take as long as timeout. late gets the result of a call that nobody waits for any more, on the
// goroutine that made it; it may be nil.
func New[T any](ctx context.Context, timeout time.Duration, fn func(context.Context) (T, error), late func(T, error)) *Call[T] {
	return &Call[T]{
		fn: fn, late: late, timeout: timeout, done: make(chan struct{}),
		ctx: callContext{parent: ctx, deadline: time.Now().Add(timeout)},
	}
}

// Run makes the call, and reports whether it succeeded within HandOffAfter: then Result has its result. If it failed in time,
// Run returns false, and the caller has the call adopted. Otherwise Run does not return, and its goroutine ends after the call:
// handOff, which is called once and on another goroutine or a deferred function, puts another goroutine in the caller's place
// and has the call adopted.
func (c *Call[T]) Run(caller Caller, handOff func()) (ok bool) {
	timer := time.AfterFunc(HandOffAfter, func() {
		if c.state.handOff() {
			handOff()
		}
	})
	defer c.end(caller, timer, handOff)
	c.make()
	if c.err == nil && c.state.succeed() {
		c.ctx.end()
		return true
	}
	if c.state.fail() {
		close(c.done)
		return false
	}
	runtime.Goexit()
	return false
}

// Result is what the call returned, after Run has returned true.
func (c *Call[T]) Result() T { return c.result }

func (c *Call[T]) make() {
	defer func() {
		if p := recover(); p != nil {
			c.err, c.returned = crashed(p), true
		}
	}()
	c.result, c.err = c.fn(&c.ctx)
	if c.err != nil && errors.Is(context.Cause(&c.ctx), ergon.ErrAttemptTimeout) {
		c.err = fmt.Errorf("%w: %w", ergon.ErrAttemptTimeout, c.err)
	}
	c.returned = true
}

// end is deferred, so that it also runs if the call ends the goroutine.
func (c *Call[T]) end(caller Caller, timer *time.Timer, handOff func()) {
	timer.Stop()
	if !c.returned {
		c.err = crashed(nil)
	}
	switch {
	case !c.returned && c.state.fail():
		caller.Detach()
		close(c.done)
		handOff()
	case c.state.finish():
		caller.Detach()
		close(c.done)
	case c.state.abandoned():
		caller.Detach()
		c.reportLate()
	}
}

func (c *Call[T]) reportLate() {
	if c.late != nil {
		c.late(c.result, c.err)
	}
}

// Adopt waits for a call that was handed off or has failed, as the first attempt of a RunFn.
func (c *Call[T]) Adopt(ctx context.Context) (T, error) {
	var none T
	select {
	case <-c.done:
	case <-ctx.Done():
		if c.abandon() {
			return none, context.Cause(ctx)
		}
	case <-c.ctx.Done(): // whose deadline is a little earlier
		if cause := context.Cause(&c.ctx); c.abandon() {
			if errors.Is(cause, ergon.ErrAttemptTimeout) {
				cause = fmt.Errorf("%w: no result within %s", cause, c.timeout)
			}
			return none, cause
		}
	}
	<-c.done
	c.ctx.end()
	return c.result, c.err
}

// Drop is for a call that was handed off or has failed, and is not to be adopted any more: its result is late.
func (c *Call[T]) Drop() {
	if !c.abandon() {
		<-c.done
		c.reportLate()
	}
}

// abandon gives the call up, unless it has come to its end.
func (c *Call[T]) abandon() bool {
	c.ctx.end()
	return c.state.abandon()
}

// crashed is the failure of a function that panicked or, if p is nil, ended its goroutine, in the words of RunFn.
func crashed(p any) error {
	return &ergon.TransactionError{
		Category: ergon.CategorySystem, Attempts: 1, Err: panics.Of("function", p, nil), Stack: debug.Stack(),
	}
}
