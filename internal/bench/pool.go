package bench

import (
	"context"
	"sync"
	"sync/atomic"
)

// pool has as many items handled by workers that are fed over a buffered channel, and returns how many succeeded.
func pool(ctx context.Context, items int, handle Call) int {
	var (
		feed      = make(chan int, batchSize)
		succeeded atomic.Int64
		working   sync.WaitGroup
	)
	for range workers {
		working.Go(func() {
			n := int64(0)
			for range feed {
				if handle(ctx) == nil {
					n++
				}
			}
			succeeded.Add(n)
		})
	}
	for i := range items {
		feed <- i
	}
	close(feed)
	working.Wait()
	return int(succeeded.Load())
}

// BarePool is workers that make two calls for each item: what the work costs with nothing around it.
func BarePool() Contestant {
	return Contestant{
		Name: "bare pool", Attempts: 1, Deadline: DeadlineNone,
		Run: func(ctx context.Context, items int, work Work) (int, error) {
			return pool(ctx, items, work.both), nil
		},
	}
}
