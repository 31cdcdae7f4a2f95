package runner

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/ergon-go/ergon/internal/pipeline"
)

// remoteQuota is a worker process's part of loop.limit, which holds over all workers [E2] [L2]. It asks the supervisor for
// every transaction that it does not have left. It is safe for concurrent use.
type remoteQuota struct {
	request func(n int) // sends the request

	asking  sync.Mutex // held from a request until its answer
	answers chan int   // has room for one answer that comes too late for its request
	left    atomic.Int64
	spare   atomic.Int64 // granted, and not used
}

var _ pipeline.Quota = (*remoteQuota)(nil)

func newRemoteQuota(left int64, request func(n int)) *remoteQuota {
	q := &remoteQuota{request: request, answers: make(chan int, 1)}
	q.left.Store(left)
	return q
}

func (q *remoteQuota) Left() int64 { return q.left.Load() + q.spare.Load() }

// Take uses its spare quota first and requests the rest. The supervisor answers at once; if it has died, this process ends.
func (q *remoteQuota) Take(ctx context.Context, n int) int {
	q.asking.Lock()
	defer q.asking.Unlock()
	select {
	case late := <-q.answers:
		q.spare.Add(int64(late))
	default:
	}
	got := int(min(q.spare.Load(), int64(n)))
	q.spare.Add(-int64(got))
	if got == n || q.left.Load() <= 0 {
		return got
	}
	q.request(n - got)
	select {
	case more := <-q.answers:
		return got + more
	case <-ctx.Done():
		return got
	}
}

func (q *remoteQuota) Return(n int) { q.spare.Add(int64(n)) }

// granted is called with the supervisor's answer: how many are granted, and how many are left for all workers.
func (q *remoteQuota) granted(n int, left int64) {
	q.left.Store(left)
	select {
	case q.answers <- n:
	default: // two requests were given up: in a shutdown, which starts nothing more
	}
}
