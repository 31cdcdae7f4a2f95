package ergon

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"
)

// pool runs the calls of one range over the results of RunConcurrently.
type pool[Out any] struct {
	limits     Limits
	slots      chan struct{}    // holds one for each call in flight
	unreturned chan struct{}    // holds one for each call that has not returned, including abandoned ones
	results    chan Result[Out] // closed after the last result
	stopped    chan struct{}    // closed when nobody reads results any more

	mu      sync.Mutex
	taken   int               // inputs
	pending int               // results that are not delivered yet
	closed  bool              // no more inputs
	failed  *TransactionError // why inputs are missing; read after results is closed
}

// maxWaitingResults is how many results wait for a range that is slower than the calls.
const maxWaitingResults = 256

func newPool[Out any](limits Limits) *pool[Out] {
	return &pool[Out]{
		limits:     limits,
		slots:      make(chan struct{}, limits.Value),
		unreturned: make(chan struct{}, 2*limits.Value),
		results:    make(chan Result[Out], min(limits.Value, maxWaitingResults)),
		stopped:    make(chan struct{}),
	}
}

// feed starts a call for each input when there is a slot for it.
func feed[In, Out any](ctx context.Context, p *pool[Out], inputs iter.Seq[In], fn func(context.Context, In) (Out, error)) {
	var failed *TransactionError
	returned := false
	defer func() {
		if !returned {
			failed = crashed(recover()).of()
			failed.Err = fmt.Errorf("inputs: %w", failed.Err)
		}
		p.close(failed)
	}()
	if failed = p.acquire(ctx); failed == nil {
		for input := range inputs {
			index, ok := p.take()
			if !ok {
				break
			}
			go p.call(ctx, index, func(ctx context.Context) (Out, error) {
				defer func() { <-p.unreturned }()
				return fn(ctx, input)
			})
			if index+1 == p.limits.Limit {
				break
			}
			if failed = p.acquire(ctx); failed != nil {
				break
			}
		}
	}
	returned = true
}

// acquire waits for a slot, and then for limits.Timeout at most until abandoned calls return, if there are too many.
func (p *pool[Out]) acquire(ctx context.Context) *TransactionError {
	if ctx.Err() != nil {
		return ended(ctx).of()
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx).of()
	}
	select {
	case p.unreturned <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(p.limits.Timeout)
	defer timer.Stop()
	select {
	case p.unreturned <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ended(ctx).of()
	case <-timer.C:
		return &TransactionError{Category: CategorySystem, Err: errTooManyAbandoned}
	}
}

var errTooManyAbandoned = errors.New("too many calls ignore their context: they timed out and still have not returned")

// take counts an input and returns its index. false: the pool is closed.
func (p *pool[Out]) take() (index int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
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
	case <-p.stopped:
	}
	<-p.slots
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending--
	p.closeWhenDone()
}

// close takes no more inputs. failed says why inputs are missing; nil: there are no more. Only the first call counts.
func (p *pool[Out]) close(failed *TransactionError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	if failed != nil {
		failed.Err = fmt.Errorf("no input was taken after the first %d: %w", p.taken, failed.Err)
		p.failed = failed
	}
	p.closeWhenDone()
}

// stop is called when nobody reads results any more.
func (p *pool[Out]) stop() {
	p.close(nil)
	close(p.stopped)
}

// closeWhenDone closes results after the last one. The caller holds mu.
func (p *pool[Out]) closeWhenDone() {
	if p.closed && p.pending == 0 {
		close(p.results)
	}
}
