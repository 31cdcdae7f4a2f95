package coalesce

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/fence"
)

const (
	// maxCalls bounds the calls in progress behind which others wait. Decision 0007.
	maxCalls = 16
	// maxHanging bounds the calls that nobody waits for any more and that have not returned [F1].
	maxHanging = 64
)

// errHanging keeps a connector that never returns from gathering calls without end.
var errHanging = errors.New("too many dispatches of the connector were given up and have not returned; make it respect its context")

// request is what one caller dispatches while a call is in progress. It waits, is sent with a call, and is resolved once: with its
// result, or as abandoned by its caller, whichever comes first under Coalescer.mu.
type request struct {
	ctx          context.Context //nolint:containedctx // the caller's, which waits
	attempt      fence.Attempt   // nil: none. Looked at again when the request is sent [T1]
	transactions []ergon.Transaction
	since        time.Time // when the interval began

	call    *batchCall    // nil while it waits
	done    chan struct{} // closed when err and reports are known
	err     error
	reports []report

	abandoned bool // by its caller, to which no result is delivered
}

// deliver gives r the result of its call. The lock is held.
func (c *Coalescer) deliver(r *request, result error) {
	if r.abandoned {
		return
	}
	if result == errSplit { //nolint:errorlint // itself
		c.direct.Add(1) // before anybody finds that nothing is in progress
	}
	r.resolve(result)
}

// resolve ends the wait of r's caller. The lock is held, so that a caller either gets the result or has abandoned r.
func (r *request) resolve(err error) {
	r.err = err
	close(r.done)
}

// join makes batch wait for others. It returns nil if no call is in progress: then the caller makes one, and calls returned.
func (c *Coalescer) join(ctx context.Context, attempt fence.Attempt, batch []ergon.Transaction) *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &request{ctx: ctx, attempt: attempt, transactions: batch, since: time.Now(), done: make(chan struct{})}
	switch {
	case c.hanging >= maxHanging:
		r.resolve(errHanging)
		return r
	case c.joinable == 0 && len(c.waiting) == 0:
		c.joinable++
		return nil
	}
	c.waiting = append(c.waiting, r)
	c.queued += len(batch)
	if c.queued >= c.batch.Size {
		c.send()
	}
	if len(c.waiting) == 1 {
		c.setTimer()
	}
	return r
}

// returned is called when a call on its caller's own goroutine has returned.
func (c *Coalescer) returned() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joinable--
	c.send()
	c.signalIdle()
}

// abandon is called for a caller whose context has ended; it reports false if the result is known. What was not sent never is. A
// call that all of its callers have abandoned is cancelled.
func (c *Coalescer) abandon(r *request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-r.done:
		return false
	default:
	}
	r.abandoned = true
	call := r.call
	if call == nil {
		at := slices.Index(c.waiting, r)
		c.waiting = slices.Delete(c.waiting, at, at+1)
		c.queued -= len(r.transactions)
		c.signalIdle()
		return true
	}
	call.abandoned++
	if call.isAbandoned() {
		call.cancel()
		c.joinable--
		c.hanging++
		c.send()
	}
	return true
}

// send makes a call of what waits, the oldest first, if another call is allowed. What an attempt waits for that was given up is not
// sent. The lock is held.
func (c *Coalescer) send() {
	if len(c.waiting) == 0 || c.joinable >= maxCalls {
		return
	}
	call, n := &batchCall{requests: make([]*request, 0, min(len(c.waiting), c.batch.Size))}, 0
	for ; n < len(c.waiting); n++ {
		r := c.waiting[n]
		if givenUp(r.attempt) {
			c.queued -= len(r.transactions)
			r.resolve(errGivenUp)
			continue
		}
		if len(call.requests) > 0 && call.size+len(r.transactions) > c.batch.Size {
			break
		}
		call.add(r)
	}
	c.waiting = slices.Delete(c.waiting, 0, n)
	c.queued -= call.size
	if len(call.requests) == 0 {
		c.signalIdle()
		return
	}
	c.joinable++
	go c.make(call.start(), call)
	c.setTimer()
}

// setTimer is called when another request is the first of waiting. The lock is held.
func (c *Coalescer) setTimer() {
	if len(c.waiting) == 0 {
		return
	}
	wait := max(time.Until(c.waiting[0].since.Add(c.batch.Interval)), 0)
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.sendOverdue)
		return
	}
	c.timer.Reset(wait)
}

// sendOverdue makes a call beside those in progress when the first request has waited for the interval. If there may be no more of
// them, the next one that returns does. Who waited first may have left since the timer was set.
func (c *Coalescer) sendOverdue() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.waiting) == 0:
	case time.Since(c.waiting[0].since) >= c.batch.Interval:
		c.send()
	default:
		c.setTimer()
	}
}
