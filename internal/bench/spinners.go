package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// SpinnersOf makes the engine run n handlers at once that compute without looking at their context, with one attempt of as long as
// timeout. Late is as in [TimeoutsOf].
func SpinnersOf(ctx context.Context, n int, timeout time.Duration) (Lateness, error) {
	var stop atomic.Bool
	late, err := runLate(ctx, n, timeout, func() { compute(&stop) }, func() { stop.Store(true) })
	return Lateness{Late: late}, err
}

// GoroutinesOf is how late that many goroutines with a select over a context are that continue without such a computation: what
// anybody's program can do on this machine.
func GoroutinesOf(ctx context.Context, n int, timeout time.Duration) (Lateness, error) {
	var stop atomic.Bool
	defer stop.Store(true)
	var mu sync.Mutex
	late := make([]time.Duration, 0, n)
	over := newLatch(n)
	for range n {
		go func() {
			bounded, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			due, _ := bounded.Deadline()
			done := make(chan struct{})
			go func() {
				compute(&stop)
				close(done)
			}()
			select {
			case <-done:
			case <-bounded.Done():
			}
			by := time.Since(due)
			mu.Lock()
			late = append(late, by)
			mu.Unlock()
			over.count()
		}()
	}
	select {
	case <-over.open:
	case <-ctx.Done():
		return Lateness{}, fmt.Errorf("wait for %d goroutines: %w", n, context.Cause(ctx))
	}
	slices.Sort(late)
	return Lateness{Late: late}, nil
}

// compute computes until it is told to stop.
func compute(stop *atomic.Bool) {
	for n := 0; !stop.Load(); n++ {
	}
}
