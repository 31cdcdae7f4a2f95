package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// Flights starts n calls at once, returns when all have returned, and says how many there were.
type Flights func(ctx context.Context, n int, call Call) (int, error)

// Footprints are the ways to have many calls in flight that wait, each with what it waits for.
func Footprints() []Waiting {
	return []Waiting{
		{"goroutine, on a channel", InGoroutines, onChannel},
		{"ergon, async, on a channel", InEngine, onChannel},
		{"goroutine with a timeout, on its context", InGoroutines, onOwnContext},
		{"ergon, async, on its context", InEngine, onContext},
	}
}

// Waiting is calls in flight that wait until they are released, or until ctx ends.
type Waiting struct {
	Name  string
	Start Flights
	Wait  func(ctx context.Context, released <-chan struct{})
}

func onChannel(_ context.Context, released <-chan struct{}) { <-released }

func onContext(ctx context.Context, _ <-chan struct{}) { <-ctx.Done() }

func onOwnContext(ctx context.Context, _ <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, policy.DefaultRetry().Timeout)
	defer cancel()
	<-ctx.Done()
}

// InEngine makes each call a transaction of its own. The end of ctx cancels those in flight.
func InEngine(ctx context.Context, n int, call Call) (int, error) {
	var began atomic.Int64
	e := NewEngine(Concurrency(n))
	e.Shutdown = policy.Shutdown{Grace: 0, Force: time.Minute}
	_, err := e.Run(ctx, n, Work{Process: func(ctx context.Context) error {
		began.Add(1)
		return call(ctx)
	}})
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		err = nil
	}
	return int(began.Load()), err
}

// InGoroutines starts a goroutine for each call.
func InGoroutines(ctx context.Context, n int, call Call) (int, error) {
	var (
		running sync.WaitGroup
		failed  atomic.Int64
	)
	for range n {
		running.Go(func() {
			if call(ctx) != nil {
				failed.Add(1)
			}
		})
	}
	running.Wait()
	return n - int(failed.Load()), nil
}

// Footprint returns how many bytes of heap and stack each of n calls takes while all of them wait.
func (w Waiting) Footprint(ctx context.Context, n int) (float64, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	arrived, released := newLatch(n), make(chan struct{})
	ended := make(chan error, 1)
	before := inUse()
	go func() {
		began, err := w.Start(ctx, n, func(ctx context.Context) error {
			arrived.count()
			w.Wait(ctx, released)
			return nil
		})
		if err == nil && began != n {
			err = fmt.Errorf("%s: %d of %d calls began", w.Name, began, n)
		}
		ended <- err
	}()
	select {
	case <-arrived.open:
	case err := <-ended:
		return 0, fmt.Errorf("%s: ended before all calls were in flight: %w", w.Name, err)
	}
	each := float64(inUse()-before) / float64(n)
	close(released)
	end()
	return each, <-ended
}

// inUse is how much memory the heap and the stacks take when there is no garbage, with what is left over between objects.
func inUse() int64 {
	stats := afterCollection()
	return int64(stats.HeapInuse + stats.StackInuse)
}

// live is how many bytes objects on the heap have, and the stacks, when there is no garbage.
func live() int64 {
	stats := afterCollection()
	return int64(stats.HeapAlloc + stats.StackInuse)
}

func afterCollection() (stats runtime.MemStats) {
	runtime.GC()
	runtime.GC() // for what the first one finalised, and what pools keep for one more
	runtime.ReadMemStats(&stats)
	return stats
}
