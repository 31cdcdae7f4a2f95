package bench

import "sync/atomic"

// latch opens when as many as it was made for have come.
type latch struct {
	missing atomic.Int64
	open    chan struct{}
}

func newLatch(n int) *latch {
	l := &latch{open: make(chan struct{})}
	l.missing.Store(int64(n))
	return l
}

func (l *latch) count() {
	if l.missing.Add(-1) == 0 {
		close(l.open)
	}
}
