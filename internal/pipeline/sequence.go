package pipeline

import (
	"context"
	"iter"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/policy"
)

// linger is how long a fetch that has something waits for more. A sequence that is ready needs far less, and a slow one must not delay
// what it has yielded.
const linger = time.Millisecond

// sequence is the source of a producing loop. A goroutine of its own ranges over the user's iterator, and takes no more
// transactions than the loop has asked for. Decision 0006.
type sequence struct {
	limiter *rate.Limiter // nil: no throttle
	demand  chan struct{} // signals that wanted is more than 0
	changed chan struct{} // signals that something was yielded, or that the iterator has ended
	done    chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex // guards what follows
	wanted   int        // how many more may be taken
	yielded  []ergon.Transaction
	finished bool  // nothing more comes
	err      error // why, if that is not the iterator's natural end
}

var _ ergon.Fetcher = (*sequence)(nil)

func newSequence(t policy.Throttle) *sequence {
	s := &sequence{demand: make(chan struct{}, 1), changed: make(chan struct{}, 1), done: make(chan struct{})}
	if t.Rate > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(t.Rate), t.Burst)
	}
	return s
}

// run ranges over transactions until they end or ctx does. A panic of the iterator is its error [F1].
func (s *sequence) run(ctx context.Context, transactions func(context.Context) iter.Seq2[ergon.Transaction, error]) {
	defer close(s.done)
	returned := false
	defer func() {
		if !returned {
			s.end(foreign.Crash(recover(), debug.Stack()))
		}
	}()
	if s.waitForDemand(ctx) {
		for tx, err := range transactions(ctx) {
			if err != nil {
				s.end(foreign.Read(err))
				break
			}
			if !s.put(ctx, tx) {
				break
			}
		}
	}
	returned = true
	s.end(nil)
}

// waitForDemand waits until the loop wants more; it reports false when ctx ends.
func (s *sequence) waitForDemand(ctx context.Context) bool {
	select {
	case <-s.demand:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// put hands over one transaction, waits until another is wanted, and reports false if none is. So the iterator is never more than one
// fetch ahead of the loop.
func (s *sequence) put(ctx context.Context, tx ergon.Transaction) bool {
	s.mu.Lock()
	s.yielded = append(s.yielded, tx)
	s.wanted--
	enough := s.wanted <= 0
	if enough || len(s.yielded) == 1 {
		signal(s.changed)
	}
	s.mu.Unlock()
	return !enough || s.waitForDemand(ctx)
}

// end records that nothing more comes. Only the first call counts.
func (s *sequence) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.finished {
		s.finished, s.err = true, err
		signal(s.changed)
	}
}

// FetchTransactions waits for the first transaction, and returns it with the others that are ready, as far as the throttle allows.
func (s *sequence) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if s.limiter != nil {
		limit = min(limit, s.limiter.Burst())
	}
	if !s.waitFor(ctx, limit) {
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	n := min(limit, len(s.yielded))
	s.mu.Unlock()
	n, err := s.throttled(ctx, n)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	txs := s.yielded[:n:n]
	s.yielded = s.yielded[n:]
	if s.finished && len(s.yielded) == 0 {
		return txs, ergon.ErrExhausted
	}
	return txs, nil
}

// waitFor asks for n and waits until they are there, or some are and no more come within linger. It reports false when ctx ends.
func (s *sequence) waitFor(ctx context.Context, n int) bool {
	s.mu.Lock()
	s.wanted = max(n-len(s.yielded), 0)
	if s.wanted > 0 {
		signal(s.demand)
	}
	s.mu.Unlock()
	var soon optionalTimer
	defer func() { soon.stop() }()
	for {
		s.mu.Lock()
		have, ready := len(s.yielded), len(s.yielded) >= n || s.finished
		s.mu.Unlock()
		if ready {
			return true
		}
		if have > 0 && soon.c == nil {
			soon = afterOrNever(linger)
		}
		select {
		case <-s.changed:
		case <-soon.c:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// throttled returns how many of n may start now; it waits for the first. The others stay in yielded for the next fetch.
func (s *sequence) throttled(ctx context.Context, n int) (int, error) {
	if s.limiter == nil || n == 0 {
		return n, nil
	}
	if err := s.limiter.Wait(ctx); err != nil {
		return 0, context.Cause(ctx)
	}
	started := 1
	for started < n && s.limiter.Allow() {
		started++
	}
	return started, nil
}
