package pipeline

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// stallDetector knows by when what the loop is doing must be over. An empty source, a handler within its timeout and a backoff
// have such a time; what hangs beyond it, in a log handler or a span processor say, is stalled.
type stallDetector struct {
	fetch    time.Duration // how long a fetch takes at most
	settle   time.Duration // how long a batch does
	fetching atomic.Int64  // by when the fetch loop turns; 0: it waits for capacity, which the handlers make, or has ended
	settling atomic.Int64  // by when a batch is settled; 0: there is none
	writing  atomic.Int64  // by when a batch of dead letters is written; 0: there is none
	excused  atomic.Int64  // by when the last of the delays that errors asked for is over

	mu      sync.Mutex
	handled int64   // at the last look
	since   instant // since when that has not changed
}

func (p *stallDetector) init(of policy.Consumer) {
	p.fetch = budgetOf(of.Fetch.Retry)
	once := budgetOf(of.Settle.Retry)
	p.settle = time.Duration(instant(once).After(once)) // of the dead letters, and of the source
}

// expectWithin has the fetch loop look again within d at the latest.
func (c *Consumer) expectWithin(d time.Duration) {
	c.stall.fetching.Store(int64(c.clock.Now().After(d)))
}

// excuse excuses whatever would get on if it did not wait for d.
func (c *Consumer) excuse(d time.Duration) {
	until := int64(c.clock.Now().After(d))
	for old := c.stall.excused.Load(); old < until && !c.stall.excused.CompareAndSwap(old, until); {
		old = c.stall.excused.Load()
	}
}

// excuseDelayOf excuses the delay that err asks for by itself.
func (c *Consumer) excuseDelayOf(err error) {
	if err == nil {
		return
	}
	failed := ergon.TransactionError{Err: err}
	if d, own := failed.RetryDelay(); own {
		c.excuse(d)
	}
}

// budgetOf is how long a call with its retries takes at most.
func budgetOf(r policy.Retry) time.Duration {
	step := r.Timeout + r.Delay(r.MaxAttempts-1)
	if step <= 0 || time.Duration(r.MaxAttempts) > time.Duration(never)/step {
		return time.Duration(never)
	}
	return time.Duration(r.MaxAttempts) * step
}

// Stalled names what of the loop stands still although the time in which it must have turned is over: "fetching",
// "settling" or "handlers"; "" while all of it turns. That of the handlers is seen by looking more than once. Safe for
// concurrent use.
func (c *Consumer) Stalled() string {
	if c.stats.finished.Load() != 0 {
		return ""
	}
	now := int64(c.clock.Now())
	handlers := c.handlersStalled(instant(now))
	switch due := &c.stall; {
	case now <= due.excused.Load():
		return ""
	case overdue(due.fetching.Load(), now):
		return "fetching"
	case overdue(due.settling.Load(), now), overdue(due.writing.Load(), now):
		return "settling"
	case handlers:
		return "handlers"
	default:
		return ""
	}
}

func overdue(due, now int64) bool { return due != 0 && now > due }

// handlersStalled reports whether transactions are outstanding of which none has got on for longer than any attempt may
// take.
func (c *Consumer) handlersStalled(now instant) bool {
	p := c.settings.Policy
	longest := max(p.Process.Retry.Timeout, p.Success.Retry.Timeout, p.Exception.Retry.Timeout) + patience
	handled, outstanding := c.stats.handled(), c.stats.outstanding()-int(c.waiting.count.Load())
	c.stall.mu.Lock()
	defer c.stall.mu.Unlock()
	if handled != c.stall.handled || outstanding <= 0 || int64(now) <= c.stall.excused.Load() {
		c.stall.handled, c.stall.since = handled, now
	}
	return now > c.stall.since.After(longest)
}

// handled counts whatever moves a transaction on.
func (s *loopStats) handled() int64 {
	var n int64
	for i := range s.shards {
		shard := &s.shards[i]
		n += shard.started.Load() + shard.finished.Load() + shard.retries.Load() + shard.timeouts.Load()
		for phase := range phaseFetch {
			for b := range shard.phases[phase].buckets {
				n += shard.phases[phase].buckets[b].Load()
			}
		}
	}
	return n
}
