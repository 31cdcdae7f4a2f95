package pipeline

import (
	"context"
	"sync/atomic"
)

// Quota is what is left of a limit of transactions that several loops share [L2] [E2]. Safe for concurrent use.
type Quota interface {
	// Left is the maximum that may still be started; what others take meanwhile may be missing. 0 ends the loop.
	Left() int64
	// Take takes up to n and returns how many it got. A quota of several processes waits for an answer, or until ctx ends.
	Take(ctx context.Context, n int) int
	// Return returns n that were taken and never started.
	Return(n int)
}

// NewQuota returns a quota for the loops of one process.
func NewQuota(limit int64) Quota {
	b := &localQuota{}
	b.left.Store(limit)
	return b
}

type localQuota struct{ left atomic.Int64 }

func (b *localQuota) Left() int64 { return b.left.Load() }

func (b *localQuota) Take(_ context.Context, n int) int {
	for {
		left := b.left.Load()
		got := min(int64(n), left)
		if b.left.CompareAndSwap(left, left-got) {
			return int(got)
		}
	}
}

func (b *localQuota) Return(n int) { b.left.Add(int64(n)) }

// quotaOf returns the quota of a loop: shared, its own, or nil for no limit.
func quotaOf(s Settings) Quota {
	switch {
	case s.Policy.Loop.Limit <= 0:
		return nil
	case s.Quota != nil:
		return s.Quota
	default:
		return NewQuota(s.Policy.Loop.Limit)
	}
}
