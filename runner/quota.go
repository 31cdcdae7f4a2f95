package runner

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/ergon-go/ergon/internal/pipeline"
)

// remoteQuota is what a worker process asks its supervisor for: loop.limit holds over all workers [E2] [L2].
type remoteQuota struct {
	ask func(n int) // sends the question

	turn    sync.Mutex // held by whoever asks, until the answer is there
	granted chan int   // the answer; it holds one that came too late for whoever asked
	left    atomic.Int64
	spare   atomic.Int64 // granted, and not used
}

var _ pipeline.Quota = (*remoteQuota)(nil)

func newRemoteQuota(left int64, ask func(n int)) *remoteQuota {
	b := &remoteQuota{ask: ask, granted: make(chan int, 1)}
	b.left.Store(left)
	return b
}

func (b *remoteQuota) Left() int64 { return b.left.Load() + b.spare.Load() }

// Take asks for what is not there already. The supervisor answers at once; where it has died this process ends.
func (b *remoteQuota) Take(ctx context.Context, n int) int {
	b.turn.Lock()
	defer b.turn.Unlock()
	select {
	case late := <-b.granted:
		b.spare.Add(int64(late))
	default:
	}
	got := int(min(b.spare.Load(), int64(n)))
	b.spare.Add(-int64(got))
	if got == n || b.left.Load() <= 0 {
		return got
	}
	b.ask(n - got)
	select {
	case more := <-b.granted:
		return got + more
	case <-ctx.Done():
		return got
	}
}

func (b *remoteQuota) Return(n int) { b.spare.Add(int64(n)) }

// answer is what the supervisor says to a question: how many are granted, and how many are left for everybody.
func (b *remoteQuota) answer(granted int, left int64) {
	b.left.Store(left)
	select {
	case b.granted <- granted:
	default: // whoever asked gave up twice: a shutdown, in which nothing more is started
	}
}
