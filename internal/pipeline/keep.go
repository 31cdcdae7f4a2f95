package pipeline

import (
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// ErrHeldTooLong is why a transaction failed that was requeued, and that the loop kept for longer than its policy allows.
var ErrHeldTooLong = errors.New("held too long")

// inPlaceRequeues keeps transactions in the waiting room that are requeued, if the loop keeps the order of keys [L8]: their source would
// deliver others of the key before them. The caller owns the flight. Safe for concurrent use.
type inPlaceRequeues struct {
	clock    clock
	stats    *loopStats
	capacity *capacity
	order    *order
	waiting  *waitingRoom
	outage   *outage
	judge    *judge
	maxHold  time.Duration // policy: loop.hold_at_most
}

// keep keeps a transaction that is requeued. It reports whether it does; then f is not its owner's any more. At shutdown f goes back
// uncounted instead, before those that its key holds back.
func (r *inPlaceRequeues) keep(s *shard, f *flight) bool {
	v := &f.verdict
	if v.outcome != Requeued || v.action != policy.SettleRequeue || v.interrupted || f.tx.OrderingKey() == "" {
		return false
	}
	now := r.clock.Now()
	if f.kept == 0 {
		f.kept = now
	}
	r.order.unstarted.Add(1) // before another may own it
	event, waits := r.waiting.enter(f, now.After(v.delay))
	if waits {
		r.stats.ended[Requeued].Add(1)
		r.stats.fetched.Add(1) // it counts as a delivery of its own
		s.finished.Add(1)
		r.capacity.notify()
		return true
	}
	r.order.unstarted.Add(-1)
	if event == lifecycle.Interrupted {
		v.delay, v.interrupted = 0, true
	}
	return false
}

// bound judges anew a transaction that would be kept for longer than the policy allows: it fails, or in an outage goes back.
func (r *inPlaceRequeues) bound(f *flight) {
	v := &f.verdict
	now := r.clock.Now()
	since := now
	if f.kept != 0 {
		since = f.kept
	}
	if v.outcome != Requeued || f.tx.OrderingKey() == "" || now.After(v.delay) <= since.After(r.maxHold) {
		return
	}
	if r.outage.lasts() {
		v.delay, v.interrupted = 0, true
		return
	}
	cause := *f.failure.cause
	cause.Err = fmt.Errorf("%w: a requeue after %s would keep it for more than %s (loop.hold_at_most), and its source "+
		"would not keep the order of its key: %w", ErrHeldTooLong, v.delay, r.maxHold, cause.Err)
	f.failure.cause = &cause
	if dead := r.judge.deadLetter(DeadLettered); dead.outcome != Requeued {
		*v = dead
		return
	}
	v.delay, v.interrupted = 0, true // there is no place for it but its source
}

// startAnew resets f, which has a slot again, if it was kept, and counts it as begun.
func (r *inPlaceRequeues) startAnew(f *flight) {
	if f.startAnew() {
		r.order.unstarted.Add(-1)
	}
}

// startAnew makes a flight that was kept over a requeue as it was when it was fetched, and reports whether it was one.
func (f *flight) startAnew() bool {
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
