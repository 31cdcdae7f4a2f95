package pipeline

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// stallDetector knows by when what the loop does must be over. An empty source, a handler within its timeout and a backoff have such a
// time. What hangs beyond it, in a log handler or a span processor for instance, is stalled.
type stallDetector struct {
	clock    clock
	fetch    time.Duration // the longest that a fetch may take
	settle   time.Duration // the longest that a batch may take to settle
	handler  time.Duration // the longest that an attempt may take, and patience
	fetching atomic.Int64  // by when the fetch loop turns; 0 if it waits for capacity, which the handlers make, or has ended
	settling atomic.Int64  // by when a batch is settled; 0 for none
	writing  atomic.Int64  // by when a batch of dead letters is written; 0 for none
	excused  atomic.Int64  // by when the last of the delays is over that errors asked for

	mu      sync.Mutex
	handled int64   // at the last look
	since   instant // when that changed last
}

func (d *stallDetector) init(c clock, p policy.Consumer) {
	d.clock = c
	d.fetch = budgetOf(p.Fetch.Retry)
	once := budgetOf(p.Settle.Retry)
	d.settle = time.Duration(instant(once).After(once)) // first the dead letters are written, then the source gets the batch
	d.handler = max(p.Process.Retry.Timeout, p.Success.Retry.Timeout, p.Exception.Retry.Timeout) + patience
}

// expectWithin expects the next turn of the fetch loop within this time.
func (d *stallDetector) expectWithin(within time.Duration) {
	d.fetching.Store(int64(d.clock.Now().After(within)))
}

// excuse excuses everything that does not get on until a delay is over.
func (d *stallDetector) excuse(delay time.Duration) {
	until := int64(d.clock.Now().After(delay))
	for old := d.excused.Load(); old < until && !d.excused.CompareAndSwap(old, until); {
		old = d.excused.Load()
	}
}

// expectDelayOf excuses the delay that err itself asks for.
func (d *stallDetector) expectDelayOf(err error) {
	if err == nil {
		return
	}
	failed := ergon.TransactionError{Err: err}
	if delay, own := failed.RetryDelay(); own {
		d.excuse(delay)
	}
}

// stalled names what is overdue: "fetching", "settling" or "handlers"; "" for nothing. handled counts what handlers have done so far;
// atHandlers is how many transactions wait for one of them to get on.
func (d *stallDetector) stalled(handled int64, atHandlers int) string {
	now := d.clock.Now()
	handlers := d.handlersStalled(now, handled, atHandlers) // at every look: it remembers the last one
	switch {
	case int64(now) <= d.excused.Load(): // whatever does not get on
	case overdue(&d.fetching, now):
		return "fetching"
	case overdue(&d.settling, now), overdue(&d.writing, now):
		return "settling"
	case handlers:
		return "handlers"
	}
	return ""
}

func overdue(by *atomic.Int64, now instant) bool {
	due := by.Load()
	return due != 0 && int64(now) > due
}

// handlersStalled reports whether handlers have done nothing for longer than any attempt may take, although they have work.
func (d *stallDetector) handlersStalled(now instant, handled int64, atHandlers int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if handled != d.handled || atHandlers <= 0 || int64(now) <= d.excused.Load() {
		d.handled, d.since = handled, now
	}
	return now > d.since.After(d.handler)
}

// budgetOf is the longest that a call may take with its retries.
func budgetOf(r policy.Retry) time.Duration {
	step := r.Timeout + r.Delay(r.MaxAttempts-1)
	if step <= 0 || time.Duration(r.MaxAttempts) > time.Duration(never)/step {
		return time.Duration(never)
	}
	return time.Duration(r.MaxAttempts) * step
}
