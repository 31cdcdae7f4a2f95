package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/panics"
)

// handOver is about what it costs to hand work over to another goroutine and back, where a processor has to be woken for it.
// What takes longer is not done by workers.
const handOver = 100 * time.Microsecond

// lent is the first attempt of a call that a worker makes on its own goroutine, without what [ergon.RunFn] costs: of a
// connector, in place of the loop's goroutine for that, or of a handler that prepares an outbound transaction. Where it succeeds
// within handOver, that is all. Otherwise another goroutine goes on with it in a RunFn, which sees to retries, the hard
// timeout and what comes late: see [lent.join]. A worker that is caught in the call then never comes back; another takes its
// place.
type lent[T any] struct {
	call func(context.Context) (T, error)
	late func(T, error) // gets what came of a call that nobody waits for any more; may be nil

	timeout  time.Duration
	ctx      lentContext
	state    atomic.Uint32
	done     chan struct{} // closed when result and err are there to be joined
	result   T
	err      error
	returned bool // false where the call ended its goroutine
}

// The states of a lent call.
const (
	withWorker uint32 = iota
	kept              // its worker has the result
	handedOver        // it has not come to its end in time
	over              // it has come to its end, and is to be joined
	left              // nobody waits for it any more
)

// lend prepares a call that may take as long as timeout.
func lend[T any](
	ctx context.Context, timeout time.Duration, call func(context.Context) (T, error), late func(T, error),
) *lent[T] {
	return &lent[T]{
		call: call, late: late, timeout: timeout, done: make(chan struct{}),
		ctx: lentContext{parent: ctx, deadline: time.Now().Add(timeout)},
	}
}

// by has w make the call, and reports whether it succeeded in time. If it failed in time, it is for the caller to have it
// joined. Otherwise by does not return, and gone has a successor of w take its place and calls for the other.
func (l *lent[T]) by(w *worker, gone func()) (ok bool) {
	w.now = 0
	timer := time.AfterFunc(handOver, func() {
		if l.state.CompareAndSwap(withWorker, handedOver) {
			gone()
		}
	})
	defer l.ended(w, timer, gone)
	l.make()
	switch {
	case l.err == nil && l.state.CompareAndSwap(withWorker, kept):
		l.ctx.end()
		return true
	case l.state.CompareAndSwap(withWorker, over):
		close(l.done)
		return false
	default:
		runtime.Goexit()
		return false
	}
}

func (l *lent[T]) make() {
	defer func() {
		if p := recover(); p != nil {
			l.err, l.returned = crashOf(p), true
		}
	}()
	l.result, l.err = l.call(&l.ctx)
	if l.err != nil && errors.Is(context.Cause(&l.ctx), ergon.ErrAttemptTimeout) {
		l.err = fmt.Errorf("%w: %w", ergon.ErrAttemptTimeout, l.err)
	}
	l.returned = true
}

// ended is deferred, so that it also runs where w's goroutine ends.
func (l *lent[T]) ended(w *worker, timer *time.Timer, gone func()) {
	timer.Stop()
	if !l.returned {
		l.err = crashOf(nil)
	}
	switch {
	case l.state.CompareAndSwap(withWorker, over): // not returned
		w.calling = nil
		close(l.done)
		gone()
	case l.state.CompareAndSwap(handedOver, over):
		w.calling = nil
		close(l.done)
	case l.state.Load() == left:
		w.calling = nil
		l.tellLate()
	}
}

func (l *lent[T]) tellLate() {
	if l.late != nil {
		l.late(l.result, l.err)
	}
}

// join waits for the call as the first attempt of a RunFn.
func (l *lent[T]) join(ctx context.Context) (T, error) {
	var none T
	select {
	case <-l.done:
	case <-ctx.Done():
		if l.leave() {
			return none, context.Cause(ctx)
		}
	case <-l.ctx.Done(): // whose deadline is a little earlier
		if cause := context.Cause(&l.ctx); l.leave() {
			if errors.Is(cause, ergon.ErrAttemptTimeout) {
				cause = fmt.Errorf("%w: no result within %s", cause, l.timeout)
			}
			return none, cause
		}
	}
	<-l.done
	l.ctx.end()
	return l.result, l.err
}

// leave gives the call up, unless it has come to its end.
func (l *lent[T]) leave() bool {
	l.ctx.end()
	return l.state.CompareAndSwap(handedOver, left)
}

// drop is for a call that is not to be joined any more.
func (l *lent[T]) drop() {
	if !l.leave() {
		<-l.done
		l.tellLate()
	}
}

// crashOf is the failure of a function that panicked or, if p is nil, ended its goroutine, in the words of RunFn.
func crashOf(p any) error {
	return &ergon.TransactionError{
		Category: ergon.CategorySystem, Attempts: 1, Err: panics.Of("function", p, nil), Stack: debug.Stack(),
	}
}
