package pipeline

import (
	"errors"
	"fmt"

	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// MaxConcurrency is the highest concurrency that a running loop can be set to.
const MaxConcurrency = 1_000_000

// ErrAdapts is returned if the concurrency cannot be set because it adapts by itself.
var ErrAdapts = errors.New("the concurrency adapts between loop.concurrency.min and max; leave those out to set it by hand")

// CheckConcurrency returns why a loop of this policy cannot be set to run n at once.
func CheckConcurrency(p policy.Concurrency, n int) error {
	switch {
	case n < 1 || n > MaxConcurrency:
		return fmt.Errorf("concurrency %d: must be from 1 to %d; to stop taking work, pause", n, MaxConcurrency)
	case p.Adapts():
		return ErrAdapts
	default:
		return nil
	}
}

// SetConcurrency changes how many run at once. What runs above a lowered number ends as it would. Safe for concurrent use.
func (c *Consumer) SetConcurrency(n int) error {
	if err := CheckConcurrency(c.settings.Policy.Loop.Concurrency, n); err != nil {
		return err
	}
	c.pool.setLimit(n)
	signal(c.capacity.available)
	return nil
}

// Pause stops fetching until Resume. What was fetched continues, except for what waits for its next attempt. When Pause returns, it holds:
// a fetch in progress is cancelled. What it brings all the same is requeued at once or, if the source takes nothing back, waits for
// Resume. A paused loop does not come to its natural end. Safe for concurrent use.
func (c *Consumer) Pause() {
	c.gate.pause()
	c.demand.changed()
	c.waiting.takeBack()
}

// Resume ends a pause. Safe for concurrent use.
func (c *Consumer) Resume() {
	c.gate.resume()
	c.demand.changed()
	c.waiting.call()
	signal(c.capacity.available)
}

// Snapshot returns the state of the loop. Safe for concurrent use.
func (c *Consumer) Snapshot() Snapshot {
	s := c.stats.snapshot()
	known := c.known.Snapshot()
	s.Duplicates, s.Conflicts, s.Diverged = known.Duplicates, known.Conflicts, known.Diverged
	s.Abandoned = c.headroom.used()
	s.InFlight, s.Unsettled = int64(c.stats.outstanding()), c.capacity.unsettled.Load()
	s.Concurrency, s.Waiting = int(c.pool.limit.Load()), int64(c.waiting.count.Load())
	s.Unwritten, s.UnwrittenID = c.unwritten.snapshot(c.clock.Now())
	s.Outage, s.Paused, s.Active = c.outage.lasts(), c.gate.paused(), c.pool.countRunning(c.settings.produces)
	if c.settings.produces {
		asProduced(&s)
	}
	return s
}

// Stalled names the part of the loop that has not moved although its time is over: "fetching", "settling" or "handlers"; "" if all of
// them move. Handlers need more than one look. Safe for concurrent use.
func (c *Consumer) Stalled() string {
	if c.stats.finished.Load() != 0 {
		return ""
	}
	return c.stall.stalled(c.stats.handled(), c.stats.outstanding()-int(c.waiting.count.Load()))
}

// gauges are the numbers of the running loop that metrics show.
func (c *Consumer) gauges() []gauge {
	return []gauge{
		{spans.InFlight, func() int64 { return int64(c.stats.outstanding()) }},
		{spans.Waiting, func() int64 { return int64(c.waiting.count.Load()) }},
		{spans.OrderHeld, c.order.count.Load},
		{spans.Abandoned, c.headroom.used},
		{spans.ConcurrencyLimit, func() int64 { return int64(c.pool.limit.Load()) }},
		{spans.Outage, func() int64 { return map[bool]int64{true: 1}[c.outage.lasts()] }},
	}
}
