package pipeline

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// backoff waits before the attempt that f's state names. OK means that it may start. A long one is waited out beside the pool:
// then f is not its worker's any more.
func (c *Consumer) backoff(f *flight) (event lifecycle.Event, beside bool) {
	d := c.delay(f)
	if f.state.Phase != lifecycle.Exception && f.deadline != 0 && c.clock.Now().After(d) >= f.deadline {
		f.failed(fmt.Errorf("%w of %s leaves no room for another attempt after a backoff of %s: %w",
			ergon.ErrTransactionTimeout, c.settings.Policy.Loop.TransactionTimeout, d, f.failure.last))
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

func (c *Consumer) delay(f *flight) time.Duration {
	if read := foreign.Of(f.failure.last); read != nil {
		if after, delayed := read.RetryDelay(); delayed {
			return after
		}
	}
	retry := c.retries[f.state.Phase]
	return retry.Jittered(retry.Delay(int(f.state.Attempt)-1), rand.Float64())
}
