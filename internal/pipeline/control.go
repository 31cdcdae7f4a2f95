package pipeline

import (
	"errors"
	"fmt"

	"github.com/ergon-go/ergon/policy"
)

// MostConcurrency is the highest concurrency that a running loop can be set to.
const MostConcurrency = 1_000_000

// ErrAdapts is returned if the concurrency cannot be set because it adapts by itself.
var ErrAdapts = errors.New("the concurrency adapts between loop.concurrency.min and max; leave those out to set it by hand")

// CheckConcurrency returns why a loop of this policy cannot be set to run n at once.
func CheckConcurrency(p policy.Concurrency, n int) error {
	switch {
	case n < 1 || n > MostConcurrency:
		return fmt.Errorf("concurrency %d: must be from 1 to %d; to stop taking work, pause", n, MostConcurrency)
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

// Pause stops fetching until Resume. What was fetched goes on, except for what waits for its next attempt. When Pause returns, it holds:
// a fetch in progress is cancelled. What it brings all the same is requeued at once or, if the source takes nothing back, waits for
// Resume. A paused loop does not come to its natural end. Safe for concurrent use.
func (c *Consumer) Pause() {
	c.gate.pause()
	c.waiting.recall()
}

// Resume ends a pause. Safe for concurrent use.
func (c *Consumer) Resume() {
	c.gate.resume()
	c.waiting.call()
	signal(c.capacity.available)
}

// Pause is [Consumer.Pause].
func (p *Producer) Pause() { p.loop.Pause() }

// Resume is [Consumer.Resume].
func (p *Producer) Resume() { p.loop.Resume() }

// SetConcurrency is [Consumer.SetConcurrency].
func (p *Producer) SetConcurrency(n int) error { return p.loop.SetConcurrency(n) }
