package pipeline

import (
	"runtime"
	"runtime/debug"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// shortWork is the duration of a transaction below which its worker takes several flights of an idle chunk at once; decision 0043.
const shortWork = instant(10 * time.Microsecond)

// worker is a goroutine that runs one transaction at a time. It owns the transaction until an attempt's owner word says otherwise [T1].
// A worker whose attempt was taken over, or whose handler ended the goroutine, never comes back: a successor takes its slot and continues
// with the transaction. Only the worker's goroutine touches its fields, and who starts it before that.
type worker struct {
	pool       *pool
	caller     *caller
	driver     *driver
	slot       *slot
	shard      *shard
	wake       chan struct{}           // made when the worker first becomes idle
	running    *flight                 // the flight of calling
	calling    *handlerAttempt         // the attempt whose handler runs now; nil while none does
	failed     *ergon.TransactionError // for the exception handler
	answer     answer                  // what the handler returned
	runs       uint                    // transactions since the worker waited for a fetch
	short      bool                    // the last transaction took less than shortWork
	resumed    *flight                 // a successor's first flight; nil if it claims one
	action     lifecycle.Action        // a successor's first step with resumed
	unprepared unprepared              // a successor's first call, if its predecessor is caught in one
	startFirst *worker                 // to be started before anything else; see [pool.startAll]
	now        instant                 // when the last attempt ended; 0 if the worker has waited since
}

// start is a worker's goroutine.
func (w *worker) start() {
	pool := w.pool
	pool.startNext(w)
	if pool.pinned {
		runtime.LockOSThread() // never unlocked: the thread ends with the worker
	}
	defer w.guard()
	if w.resumed != nil && !w.resume(w.resumed) {
		return
	}
	for f := pool.next(w); f != nil; f = pool.next(w) {
		if !w.run(f) {
			return
		}
	}
	pool.workers.Done()
}

// guard catches a handler's panic or Goexit, once for the goroutine instead of once for each call. A panic of the engine
// itself continues.
func (w *worker) guard() {
	a := w.calling
	if a == nil {
		return
	}
	w.answer = answer{err: foreign.OfCrash(foreign.Crash(recover(), debug.Stack()))}
	if !w.inTime(a) {
		return
	}
	a.Finish()
	f := w.slot.Carried.flight
	w.pool.replace(w.slot, f, w.caller.plan.step(f, w.finishAttempt(f, a)))
}

// instant is the time. The clock is read only if the worker has waited, because the end of one attempt is the start of the next.
func (w *worker) instant() instant {
	if w.now == 0 {
		w.now = w.caller.clock.Now()
	}
	return w.now
}

// runInline makes a call on the worker's own goroutine, as [inline.Call.Run] says; handOff puts a successor in its place.
func runInline[T any](w *worker, call *inline.Call[T], handOff func()) (ok bool) {
	w.now = 0
	return call.Run(w, handOff)
}

// Detach is for [inline.Call.Run]: if the goroutine ends from now on, no handler has crashed.
func (w *worker) Detach() { w.calling = nil }
