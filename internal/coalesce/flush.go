package coalesce

import (
	"context"
	"fmt"
)

// Idle reports whether no call is in progress, including abandoned calls, and nothing waits.
func (c *Coalescer) Idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isIdle()
}

// Flush waits until [Coalescer.Idle], at most until ctx ends [F4].
func (c *Coalescer) Flush(ctx context.Context) error {
	c.mu.Lock()
	done := make(chan struct{})
	c.flushes = append(c.flushes, done)
	c.awaited.Store(true) // before looking, so that what ends from now on is not missed
	c.signalIdle()
	c.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("a dispatch has not returned: %w", context.Cause(ctx))
	}
}

// signalIdle wakes those who flush. It is called whenever the last call may have ended. The lock is held.
func (c *Coalescer) signalIdle() {
	if !c.isIdle() {
		return
	}
	for _, done := range c.flushes {
		close(done)
	}
	c.flushes = nil
}

// isIdle also sees callers that are about to dispatch by themselves. The lock is held; direct calls begin and end without it, so the
// last of those looks again, if somebody flushes.
func (c *Coalescer) isIdle() bool {
	return c.joinable == 0 && c.hanging == 0 && len(c.waiting) == 0 && c.direct.Load() == 0
}
