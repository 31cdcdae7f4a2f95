package stats

import "sync/atomic"

// Counter is a number that only grows. It is not sharded: what it counts happens once for each batch or more rarely. Safe for
// concurrent use.
type Counter struct {
	n atomic.Int64 // [O1] the total since the registry was made
}

// Add adds n, which is not negative, and returns the total.
func (c *Counter) Add(n int64) int64 { return c.n.Add(n) }

// Total is what was added so far.
func (c *Counter) Total() int64 { return c.n.Load() }
