package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
)

// Lateness is how long after their deadlines timeouts were recorded, and what the calls that were given up left behind
// once they had returned.
type Lateness struct {
	Late       []time.Duration // one for each timeout, the shortest first
	Goroutines int             // how many more there were afterwards than before
	Live       int64           // bytes of the heap and of stacks that were in use afterwards: they do not grow from one run to the next
}

// At returns the lateness that a part of all timeouts, from 0 to 1, did not exceed; 0 where there was none.
func (l Lateness) At(part float64) time.Duration {
	if len(l.Late) == 0 {
		return 0
	}
	return l.Late[min(int(part*float64(len(l.Late))), len(l.Late)-1)]
}

// TimeoutsOf makes the engine run n handlers at once that ignore their context, with one attempt of as long as timeout.
// Late is what lies between the deadline of each context and the report of its TIMEOUT.
func TimeoutsOf(ctx context.Context, n int, timeout time.Duration) (Lateness, error) {
	goroutines := runtime.NumGoroutine()
	released := make(chan struct{})
	late, err := runLate(ctx, n, timeout, func() { <-released }, func() { close(released) })
	if err != nil {
		return Lateness{}, err
	}
	if err := until(ctx, func() bool { return runtime.NumGoroutine() <= goroutines }); err != nil {
		return Lateness{}, fmt.Errorf("%d goroutines are left of %d handlers: %w", runtime.NumGoroutine()-goroutines, n, err)
	}
	return Lateness{Late: late, Goroutines: runtime.NumGoroutine() - goroutines, Live: live()}, nil
}

// runLate returns how late each timeout was, the shortest first, once all handlers have returned, which do what they do until they
// are released.
func runLate(ctx context.Context, n int, timeout time.Duration, do, release func()) ([]time.Duration, error) {
	e := NewEngine(Concurrency(n))
	e.Policy.Loop.Concurrency.Headroom = n + 1
	e.Policy.Process.Retry.MaxAttempts, e.Policy.Process.Retry.Timeout = 1, timeout

	stuck := &stuckHandlers{do: do, due: make(map[string]time.Time, n), out: make(map[string]time.Time, n)}
	settings := e.settings(n, ergon.Task{Process: stuck.process})
	settings.OnEnd = stuck.ended
	consumer, err := pipeline.New(settings)
	if err != nil {
		return nil, fmt.Errorf("make the loop: %w", err)
	}
	err = consumer.Run(ctx)
	release()
	if err != nil {
		return nil, fmt.Errorf("run the loop: %w", err)
	}
	if err := until(ctx, func() bool { return consumer.Snapshot().Late == int64(n) }); err != nil {
		return nil, fmt.Errorf("%d of %d handlers that were released have returned: %w", consumer.Snapshot().Late, n, err)
	}
	late := stuck.late()
	if len(late) != n {
		return nil, fmt.Errorf("%d of %d timeouts were recorded", len(late), n)
	}
	return late, nil
}

// TimersOf is how late n timers of the standard library are that are due at once: what the machine is good for.
func TimersOf(ctx context.Context, n int, timeout time.Duration) (Lateness, error) {
	var mu sync.Mutex
	fired := newLatch(n)
	late := make([]time.Duration, 0, n)
	for range n {
		due := time.Now().Add(timeout)
		time.AfterFunc(timeout, func() {
			mu.Lock()
			late = append(late, time.Since(due))
			mu.Unlock()
			fired.count()
		})
	}
	select {
	case <-fired.open:
		slices.Sort(late)
		return Lateness{Late: late}, nil
	case <-ctx.Done():
		return Lateness{}, fmt.Errorf("wait for %d timers: %w", n, context.Cause(ctx))
	}
}

// stuckHandlers are handlers that do not return before they are released, with when they were due and when each was
// reported as timed out.
type stuckHandlers struct {
	do       func()
	mu       sync.Mutex
	due, out map[string]time.Time
}

func (s *stuckHandlers) process(ctx context.Context, tx ergon.Transaction) (any, error) {
	due, _ := ctx.Deadline()
	s.mu.Lock()
	s.due[tx.ID()] = due
	s.mu.Unlock()
	s.do()
	return nil, nil //nolint:nilnil // nobody reads it any more
}

func (s *stuckHandlers) ended(r pipeline.Result) {
	now := time.Now()
	if ergon.CategoryOf(r.Err) != ergon.CategoryTimeout {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out[r.Transaction.ID()] = now
}

// late is how late each timeout was, the shortest first.
func (s *stuckHandlers) late() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	late := make([]time.Duration, 0, len(s.out))
	for id, out := range s.out {
		late = append(late, out.Sub(s.due[id]))
	}
	slices.Sort(late)
	return late
}

// until waits for a condition that nobody announces, for ten seconds at most.
func until(ctx context.Context, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
