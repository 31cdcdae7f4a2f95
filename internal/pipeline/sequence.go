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

// linger is how long a fetch that has something waits for the sequence to fill it: one that is ready is far quicker, and
// one that is slow must not keep what it has given from being prepared.
const linger = time.Millisecond

// sequence is the source of a producing loop. A goroutine of its own ranges over the transactions, and takes no more of them
// than the loop has asked for.
type sequence struct {
	limiter *rate.Limiter // nil: as fast as there is room
	demand  chan struct{} // more is wanted
	changed chan struct{} // something was taken, or there is nothing more
	done    chan struct{} // the goroutine has ended

	mu     sync.Mutex
	wanted int // how many more may be taken
	taken  []ergon.Transaction
	ended  bool
	err    error // why it ended, where that was not its natural end
}

var _ ergon.Fetcher = (*sequence)(nil)

func newSequence(t policy.Throttle) *sequence {
	s := &sequence{demand: make(chan struct{}, 1), changed: make(chan struct{}, 1), done: make(chan struct{})}
	if t.Rate > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(t.Rate), t.Burst)
	}
	return s
}

// run ranges over transactions until they end or ctx does. What they panic with is their error.
func (s *sequence) run(ctx context.Context, transactions func(context.Context) iter.Seq2[ergon.Transaction, error]) {
	defer close(s.done)
	returned := false
	defer func() {
		if !returned {
			s.end(foreign.Crash(recover(), debug.Stack()))
		}
	}()
	if s.asked(ctx) {
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

// asked waits until the loop wants more; false when ctx ends.
func (s *sequence) asked(ctx context.Context) bool {
	select {
	case <-s.demand:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// put hands over one and reports whether another is wanted, waiting for that.
func (s *sequence) put(ctx context.Context, tx ergon.Transaction) bool {
	s.mu.Lock()
	s.taken = append(s.taken, tx)
	s.wanted--
	enough := s.wanted <= 0
	if enough || len(s.taken) == 1 {
		signal(s.changed)
	}
	s.mu.Unlock()
	return !enough || s.asked(ctx)
}

// end says that nothing more comes. Only the first call counts.
func (s *sequence) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended, s.err = true, err
		signal(s.changed)
	}
}

// FetchTransactions waits for the first, and for as many as the throttle lets through and are there at once.
func (s *sequence) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if s.limiter != nil {
		limit = min(limit, s.limiter.Burst())
	}
	if !s.waitFor(ctx, limit) {
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	n := min(limit, len(s.taken))
	s.mu.Unlock()
	n, err := s.throttled(ctx, n)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	txs := s.taken[:n:n]
	s.taken = s.taken[n:]
	if s.ended && len(s.taken) == 0 {
		return txs, ergon.ErrExhausted
	}
	return txs, nil
}

// waitFor asks for n and waits until they are there, or there are some and no more come soon; false when ctx ends.
func (s *sequence) waitFor(ctx context.Context, n int) bool {
	s.mu.Lock()
	s.wanted = max(n-len(s.taken), 0)
	if s.wanted > 0 {
		signal(s.demand)
	}
	s.mu.Unlock()
	var soon optionalTimer
	defer func() { soon.stop() }()
	for {
		s.mu.Lock()
		have, ready := len(s.taken), len(s.taken) >= n || s.ended
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

// throttled returns how many of n may be started now, waiting for the first.
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
