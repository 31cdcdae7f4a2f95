package pipeline

import (
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// backoff waits before the attempt that f's state names. OK means that it may start. A long one is waited out beside the pool:
// then f is not its worker's any more.
func (c *Consumer) backoff(f *flight) (event lifecycle.Event, beside bool) {
	d := c.plan.backoff(f)
	if f.state.Phase != lifecycle.Exception && f.deadline != 0 && c.clock.Now().After(d) >= f.deadline {
		f.failed(fmt.Errorf("%w of %s leaves no room for another attempt after a backoff of %s: %w",
			ergon.ErrTransactionTimeout, c.plan.total, d, f.failure.last))
		return lifecycle.OutOfTime, false
	}
	if d > longestInSlot {
		return c.waitBeside(f, d)
	}
	if d > 0 {
		c.stall.excuse(d)
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.stopping:
			return lifecycle.Interrupted, false
		}
	}
	if f.lost.Load() {
		return lifecycle.LeaseLost, false
	}
	c.stats.shards[0].retries.Add(1)
	return lifecycle.OK, false
}
