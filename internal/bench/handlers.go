package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	busyFor     = 10 * time.Microsecond
	sleepingFor = time.Millisecond
	manyAtOnce  = 10_000
)

// BusyHandlers is how much of the bare pool's throughput is left when handlers do as little as 10 µs of work.
func BusyHandlers() []Entry {
	return Entries([]Contestant{
		BarePool(),
		NewEngine().Contestant("ergon, async"),
		NewEngine(Sync).Contestant("ergon, sync"),
	}, Busy(busyFor))
}

// SleepingHandlers is what 10,000 handlers at once that wait for 1 ms come to, beside the least that could be done.
func SleepingHandlers() []Entry {
	entries := Entries([]Contestant{
		Semaphore(manyAtOnce),
		NewEngine(Concurrency(manyAtOnce)).Contestant("ergon, async"),
	}, Sleeping(sleepingFor))
	for i := range entries {
		entries[i].Items = 50 * manyAtOnce // so that starting all of them once does not count
	}
	return entries
}

// Semaphore starts a goroutine for each item, as many of them at a time.
func Semaphore(n int) Contestant {
	return Contestant{
		Name: "goroutine for each item + semaphore", Attempts: 1, Deadline: DeadlineNone,
		Run: func(ctx context.Context, items int, work Work) (int, error) {
			var (
				semaphore = make(chan struct{}, n)
				succeeded atomic.Int64
				running   sync.WaitGroup
			)
			for range items {
				semaphore <- struct{}{}
				running.Go(func() {
					if work.both(ctx) == nil {
						succeeded.Add(1)
					}
					<-semaphore
				})
			}
			running.Wait()
			return int(succeeded.Load()), nil
		},
	}
}
