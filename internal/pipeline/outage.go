package pipeline

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// outage stands before the pool. It begins when too many transactions in a row failed for reasons that are not their own: something
// that all of them need is at fault. While it lasts, flights are held, and one at a time is tried, a probe, until one succeeds. A loop
// without outage mode has one that never begins. Its lock is taken before those of the pool.
type outage struct {
	policy   policy.Outage
	clock    clock
	capacity *capacity
	pool     submitter
	changed  func(lasts bool) // called without the lock

	on       atomic.Bool  // changed under mu
	failures atomic.Int32 // in a row; changed under mu

	mu     sync.Mutex
	closed bool           // nothing is held any more
	next   instant        // no probe begins before
	probe  *flight        // the one in progress
	tried  map[string]int // how often a transaction was a probe that failed
	held   []*flight      // fetched and not begun: probes are taken from them first
}

// submitter runs flights, as pool does.
type submitter interface {
	// submit runs flights. by is the worker that has fetched them; nil for nobody.
	submit(flights []*flight, by *worker)
	// submitDue runs flights before all others.
	submitDue(flights []*flight)
	// takeWaiting removes every flight that no worker has claimed.
	takeWaiting() []*flight
}

// maxTried bounds how many transactions are counted as failed probes: more than fail in an outage of a day.
const maxTried = 10_000

func newOutage(p policy.Outage, c clock, room *capacity, pool submitter, changed func(lasts bool)) *outage {
	return &outage{policy: p, clock: c, capacity: room, pool: pool, changed: changed, tried: map[string]int{}}
}

// enabled reports whether an outage may begin.
func (o *outage) enabled() bool { return o.policy.After > 0 }

// lasts reports whether the loop is in outage mode.
func (o *outage) lasts() bool { return o.on.Load() }

// hand gives flights to the pool, or holds them while the outage lasts. by is as in [pool.submit].
func (o *outage) hand(flights []*flight, by *worker) {
	if !o.holds(flights) {
		o.pool.submit(flights, by)
	}
}

// handDue is hand for flights that have waited until their time: they run before all others.
func (o *outage) handDue(flights []*flight) {
	if !o.holds(flights) {
		o.pool.submitDue(flights)
	}
}

// record counts the outcome of a transaction. A business error says nothing about what all of them need, and neither does a transaction
// that was cut short.
func (o *outage) record(f *flight) {
	if !o.on.Load() && o.failures.Load() == 0 && f.state.Outcome == lifecycle.Succeeded || !o.enabled() {
		return
	}
	switch failed := f.state.Outcome == lifecycle.Failed || f.state.Outcome == lifecycle.HandlerFailed; {
	case f.state.Outcome == lifecycle.Succeeded:
		o.succeeded()
	case !failed:
		o.probeEnded(f, o.policy.ProbeInterval)
	case f.failure.cause.Category == ergon.CategoryBusiness:
		o.probeEnded(f, 0)
	default:
		o.failed(f)
	}
}

// succeeded ends the outage, and runs what was held.
func (o *outage) succeeded() {
	o.mu.Lock()
	o.failures.Store(0)
	lasted := o.on.Swap(false)
	if lasted {
		o.probe = nil
		clear(o.tried)
		if held := o.held; len(held) > 0 {
			o.held = nil
			o.pool.submit(held, nil)
		}
	}
	o.mu.Unlock()
	if lasted {
		o.changed(false)
	}
}

// failed counts a failure. In an outage only the probe counts: the others began before.
func (o *outage) failed(f *flight) {
	o.mu.Lock()
	begins := false
	switch {
	case o.on.Load():
		o.probeFailedLocked(f)
	case int(o.failures.Add(1)) >= o.policy.After:
		begins = true
		o.next = o.clock.Now().After(o.policy.ProbeInterval)
		o.on.Store(true)
		if !o.closed {
			o.held = o.pool.takeWaiting()
		}
	}
	o.mu.Unlock()
	if begins {
		o.changed(true)
	}
}

func (o *outage) probeFailedLocked(f *flight) {
	if o.probe != f {
		return
	}
	o.probe = nil
	o.next = o.clock.Now().After(o.policy.ProbeInterval)
	if len(o.tried) < maxTried {
		o.tried[f.tx.ID()]++
	}
}

// probeEnded ends a probe that says nothing. The next may follow after wait.
func (o *outage) probeEnded(f *flight, wait time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.probe == f {
		o.probe = nil
		o.next = o.clock.Now().After(wait)
	}
}

// refuses reports whether f, whose attempt has failed, must not wait for another because the outage lasts: it is requeued. If it was the
// probe, that has failed.
func (o *outage) refuses(f *flight) bool {
	if !o.lasts() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.probeFailedLocked(f)
	return o.on.Load()
}

// holds reports whether it has taken flights. If the outage begins at the same time, they may just run.
func (o *outage) holds(flights []*flight) bool {
	if !o.lasts() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || !o.on.Load() {
		return false
	}
	now := o.clock.Now()
	for _, f := range flights {
		if f.due == 0 {
			f.due = now
		}
	}
	o.held = append(o.held, flights...)
	signal(o.capacity.available)
	return true
}

// expired removes what has been held for longer than the policy allows.
func (o *outage) expired(limit time.Duration) []*flight {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.clock.Now()
	var expired []*flight
	o.held = slices.DeleteFunc(o.held, func(f *flight) bool {
		old := f.due.After(limit) <= now
		if old {
			expired = append(expired, f)
		}
		return old
	})
	return expired
}

// remove removes f, and reports whether it was held.
func (o *outage) remove(f *flight) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := slices.Index(o.held, f)
	if at >= 0 {
		o.held = slices.Delete(o.held, at, at+1)
	}
	return at >= 0
}

// takeSome removes the flights of a set.
func (o *outage) takeSome(set map[*flight]bool) (taken []*flight) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held, taken = part(o.held, set)
	return taken
}

// close removes everything, and nothing is held any more.
func (o *outage) close() []*flight {
	o.mu.Lock()
	defer o.mu.Unlock()
	held := o.held
	o.closed, o.held = true, nil
	return held
}
