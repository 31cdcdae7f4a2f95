package pipeline_test

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// threads knows which operating system threads goroutines and transactions have been on.
type threads struct {
	mu            sync.Mutex
	byGoroutine   map[uint64]int
	byTransaction map[string]int
	moved         []string
}

func newThreads() *threads {
	return &threads{byGoroutine: map[uint64]int{}, byTransaction: map[string]int{}}
}

// see notes where a transaction is, before and after others had their turn.
func (s *threads) see(tx ergon.Transaction) {
	for range 3 {
		s.mu.Lock()
		thread := syscall.Gettid()
		if before, ok := s.byTransaction[tx.ID()]; ok && before != thread {
			s.moved = append(s.moved, tx.ID())
		}
		if before, ok := s.byGoroutine[goroutine()]; ok && before != thread {
			s.moved = append(s.moved, tx.ID())
		}
		s.byTransaction[tx.ID()], s.byGoroutine[goroutine()] = thread, thread
		s.mu.Unlock()
		runtime.Gosched()
	}
}

func (s *threads) distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	distinct := map[int]bool{}
	for _, thread := range s.byGoroutine {
		distinct[thread] = true
	}
	return len(distinct)
}

// [E1] The workers are on threads of their own from the first attempt to the last, also while others run.
func TestOSThreadsPinEachWorkerToItsThread(t *testing.T) {
	const n, concurrency = 400, 4
	s := newThreads()
	var together sync.WaitGroup
	together.Add(concurrency)
	attempts := newTally()
	r := newRig(ergon.Task{
		Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			if attempts.add("all") <= concurrency { // no worker may get ahead of the others before all are there
				together.Done()
				together.Wait()
			}
			s.see(tx)
			if attempts.add(tx.ID()) == 1 {
				return nil, errScripted
			}
			return nil, nil
		},
		Success: func(_ context.Context, tx ergon.Transaction, _ any) error {
			s.see(tx)
			return nil
		},
	}, numbered(n)...)
	r.Policy.Loop.Execution, r.Policy.Loop.OSThreads = policy.ExecutionSync, true
	r.Policy.Loop.Concurrency.Value = concurrency
	r.Policy.Process = retrying(2, time.Minute, time.Microsecond)
	r.run(t)
	if len(s.moved) > 0 {
		t.Errorf("%d times a transaction or its worker changed its thread", len(s.moved))
	}
	if len(s.byGoroutine) != concurrency || s.distinct() != concurrency {
		t.Errorf("%d goroutines ran on %d threads, want %d on as many", len(s.byGoroutine), s.distinct(), concurrency)
	}
}

// [E1, T1] The worker that stands in for one that hangs has another thread, because the handler still has the first.
func TestOSThreadsOfAReplacementIsItsOwn(t *testing.T) {
	release := make(chan struct{})
	var hung, next int
	r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
		if tx.ID() == "hangs" {
			hung = syscall.Gettid()
			<-release
			if now := syscall.Gettid(); now != hung {
				t.Errorf("the handler that hung is on thread %d, and was on %d", now, hung)
			}
			close(release)
			return nil, nil
		}
		next = syscall.Gettid()
		return nil, nil
	}}, "hangs", "next")
	r.Policy.Loop.Execution, r.Policy.Loop.OSThreads = policy.ExecutionSync, true
	r.Policy.Loop.Concurrency.Headroom = 2
	r.Policy.Process = once(time.Millisecond)
	r.run(t)
	release <- struct{}{}
	<-release
	if hung == next {
		t.Errorf("the replacement runs on thread %d, which the handler that hangs has", next)
	}
}
