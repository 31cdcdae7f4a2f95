package ergon

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"
)

// pool is what runs behind one range over the results of RunConcurrently.
type pool[Out any] struct {
	limits  Limits
	places  chan struct{}    // holds one for each call in flight
	alive   chan struct{}    // holds one for each call that has not returned, those given up included
	results chan Result[Out] // closed after the last one
	left    chan struct{}    // closed when nobody takes results any more

	mu      sync.Mutex
	taken   int               // inputs
	pending int               // results that are still to come
	ended   bool              // no more inputs
	failed  *TransactionError // why inputs are missing; read after results is closed
}

// Results wait, up to this number, for a range that is slower than the calls.
const maxWaitingResults = 256

func newPool[Out any](limits Limits) *pool[Out] {
	return &pool[Out]{
		limits:  limits,
		places:  make(chan struct{}, limits.Value),
		alive:   make(chan struct{}, 2*limits.Value),
		results: make(chan Result[Out], min(limits.Value, maxWaitingResults)),
		left:    make(chan struct{}),
	}
}

// feed starts a call for each input for as long as there is room.
func feed[In, Out any](ctx context.Context, p *pool[Out], inputs iter.Seq[In], fn func(context.Context, In) (Out, error)) {
	var failed *TransactionError
	returned := false
	defer func() {
		if !returned {
			failed = crashed(recover()).of()
			failed.Err = fmt.Errorf("inputs: %w", failed.Err)
		}
		p.end(failed)
	}()
	if failed = p.room(ctx); failed == nil {
		for input := range inputs {
			index, ok := p.begin()
			if !ok {
				break
			}
			go p.call(ctx, index, func(ctx context.Context) (Out, error) {
				defer func() { <-p.alive }()
				return fn(ctx, input)
			})
			if index+1 == p.limits.Limit {
				break
			}
			if failed = p.room(ctx); failed != nil {
				break
			}
		}
	}
	returned = true
}

// room waits until another call may be in flight.
func (p *pool[Out]) room(ctx context.Context) *TransactionError {
	if ctx.Err() != nil {
		return ended(ctx).of()
	}
	select {
	case p.places <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx).of()
	}
	select {
	case p.alive <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(p.limits.Timeout)
	defer timer.Stop()
	select {
	case p.alive <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ended(ctx).of()
	case <-timer.C:
		return &TransactionError{Category: CategorySystem, Err: errTooManyAbandoned}
	}
}

var errTooManyAbandoned = errors.New("too many calls ignore their context: they timed out and still have not returned")

// begin counts an input as taken, unless it has come too late.
func (p *pool[Out]) begin() (index int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return 0, false
	}
	p.taken++
	p.pending++
	return p.taken - 1, true
}

func (p *pool[Out]) call(ctx context.Context, index int, fn func(context.Context) (Out, error)) {
	result := Result[Out]{Index: index}
	value, failed := callWithin(ctx, p.limits.Timeout, fn, nil)
	if failed == nil {
		result.Value = value
	} else {
		failed.Attempts = 1
		result.Err = failed.of()
	}
	select {
	case p.results <- result:
	case <-p.left:
	}
	<-p.places
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending--
	p.closeWhenDone()
}

// end says that there will be no more inputs; failed is nil where there are none. Only the first call counts.
func (p *pool[Out]) end(failed *TransactionError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	if failed != nil {
		failed.Err = fmt.Errorf("no input was taken after the first %d: %w", p.taken, failed.Err)
		p.failed = failed
	}
	p.closeWhenDone()
}

// leave is called when nobody takes results any more.
func (p *pool[Out]) leave() {
	p.end(nil)
	close(p.left)
}

func (p *pool[Out]) closeWhenDone() {
	if p.ended && p.pending == 0 {
		close(p.results)
	}
}
