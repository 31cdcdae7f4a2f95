package inline

import (
	"context"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
)

// callContext is the context of a call: its parent with the deadline of an attempt. Most such calls are over before
// anything could end it, so what a deadline and a cancellation need is made when somebody waits for the end.
type callContext struct {
	parent   context.Context //nolint:containedctx // which it does not outlive
	deadline time.Time

	mu     sync.Mutex
	over   bool            // the call has come to its end
	real   context.Context //nolint:containedctx // what it stands for; nil while nobody waits
	cancel context.CancelFunc
}

func (c *callContext) Deadline() (time.Time, bool) {
	if d, ok := c.parent.Deadline(); ok && d.Before(c.deadline) {
		return d, true
	}
	return c.deadline, true
}

func (c *callContext) Done() <-chan struct{} { return c.made().Done() }

// Err does not look at the clock: a call that comes near its deadline is waited for.
func (c *callContext) Err() error {
	c.mu.Lock()
	made, over := c.real, c.over
	c.mu.Unlock()
	switch {
	case made != nil:
		return made.Err()
	case over:
		return context.Canceled
	default:
		return c.parent.Err()
	}
}

func (c *callContext) Value(key any) any {
	c.mu.Lock()
	made := c.real
	c.mu.Unlock()
	if made != nil {
		return made.Value(key)
	}
	return c.parent.Value(key)
}

func (c *callContext) made() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real == nil {
		c.real, c.cancel = context.WithDeadlineCause(c.parent, c.deadline, ergon.ErrAttemptTimeout)
		if c.over {
			c.cancel()
		}
	}
	return c.real
}

// end ends it, where nothing else has.
func (c *callContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.cancel != nil {
		c.cancel()
	}
}
