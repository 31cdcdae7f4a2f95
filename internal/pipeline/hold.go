package pipeline

import (
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// ErrHeldTooLong means that a transaction failed because a requeue would hold it for longer than loop.hold_at_most.
var ErrHeldTooLong = errors.New("held too long")

// heldRequeues holds requeued transactions in the waiting room, if the loop keeps the order of keys [L8]: their source would deliver
// others of the key first; or if their source takes nothing back, because it settles in order [K2]. The caller owns the
// flight. Safe for concurrent use.
type heldRequeues struct {
	clock    clock
	stats    *loopStats
	capacity *capacity
	order    *order
	waiting  *waitingRoom
	outage   *outage
	judge    *judge
	maxHold  time.Duration // policy: loop.hold_at_most
	all      bool          // the source takes nothing back
}

// hold holds f if it is requeued. If it returns true, the caller does not own f any more. During a shutdown it returns false and makes f
// an uncounted requeue, which precedes those held behind its key.
func (r *heldRequeues) hold(s *shard, f *flight) bool {
	v := &f.verdict
	if v.outcome != Requeued || v.action != policy.SettleRequeue || v.interrupted || f.tx.OrderingKey() == "" && !r.all {
		return false
	}
	event, waits := r.wait(f, v.delay)
	if waits {
		s.finished.Add(1)
		r.capacity.notify()
		return true
	}
	if event == lifecycle.Interrupted {
		v.delay, v.interrupted = 0, true
	}
	return false
}

// wait lets f wait until it begins anew, unless the loop shuts down or the delivery is lost. In figures that is a delivery of its own.
func (r *heldRequeues) wait(f *flight, delay time.Duration) (event lifecycle.Event, waits bool) {
	now := r.clock.Now()
	if f.heldSince == 0 {
		f.heldSince = now
	}
	r.order.unstarted.Add(1) // before another may own it
	if event, waits = r.waiting.enter(f, now.After(delay)); !waits {
		r.order.unstarted.Add(-1)
		return event, false
	}
	r.stats.ended[Requeued].Add(1)
	r.stats.fetched.Add(1)
	return event, true
}

// keepLate keeps a transaction that the settler has already, because its letter is not written and its source takes nothing back.
func (r *heldRequeues) keepLate(f *flight, delay time.Duration) bool {
	f.next = nil
	f.listed.Store(0)
	_, waits := r.wait(f, delay)
	return waits
}

// bound replaces the verdict of a transaction that would be held for longer than maxHold: it fails, or goes back to its source during an
// outage.
func (r *heldRequeues) bound(f *flight) {
	v := &f.verdict
	now := r.clock.Now()
	since := now
	if f.heldSince != 0 {
		since = f.heldSince
	}
	if v.outcome != Requeued || f.tx.OrderingKey() == "" && !r.all || now.After(v.delay) <= since.After(r.maxHold) {
		return
	}
	if r.outage.lasts() {
		if r.all {
			return // it is not to blame, and has no other place
		}
		v.delay, v.interrupted = 0, true
		return
	}
	cause := *f.failure.cause
	why := "would not keep the order of its key"
	if r.all {
		why = "takes nothing back"
	}
	cause.Err = fmt.Errorf("%w: a requeue after %s would hold it for more than %s (loop.hold_at_most), and its source %s: %w",
		ErrHeldTooLong, v.delay, r.maxHold, why, cause.Err)
	f.failure.cause = &cause
	if dead := r.judge.deadLetter(DeadLettered); dead.outcome != Requeued {
		*v = dead
		return
	}
	if !r.all { // otherwise it has no other place
		v.delay, v.interrupted = 0, true // there are no dead letters, so only its source can have it
	}
}

// restart resets f if it was held over a requeue. It is called when f has a slot again.
func (r *heldRequeues) restart(f *flight) {
	if f.restart() {
		r.order.unstarted.Add(-1)
	}
}

// restart resets a flight that was held over a requeue to its state after the fetch, and reports whether it was one.
func (f *flight) restart() bool {
	if f.state.Outcome == lifecycle.Pending {
		return false
	}
	f.state, f.verdict = lifecycle.Start(), verdict{}
	f.result, f.failure, f.deadline, f.attempts = nil, nil, 0, 0
	if f.extras != nil {
		f.extras = &flightExtras{fetched: f.extras.fetched}
	}
	return true
}
