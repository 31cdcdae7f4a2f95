package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// hangingHandlers are handlers that return when the test ends, and the cause with which their contexts ended.
type hangingHandlers struct {
	release chan struct{}

	mu    sync.Mutex
	ended map[string]string // by id: "0s cause"
}

func newHangingHandlers() *hangingHandlers {
	return &hangingHandlers{release: make(chan struct{}), ended: map[string]string{}}
}

func (h *hangingHandlers) process(ctx context.Context, tx ergon.Transaction) (any, error) {
	began := time.Now()
	<-ctx.Done()
	h.mu.Lock()
	h.ended[tx.ID()] = fmt.Sprintf("%s %v", time.Since(began), context.Cause(ctx))
	h.mu.Unlock()
	<-h.release
	return "late", nil
}

// causes are the ends of contexts so far, by id.
func (h *hangingHandlers) causes() map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.ended)
}

// takeoverTest gets workers on goroutines of their own, which run one transaction each: a, b, … The channel gets what each worker's run
// returned.
type takeoverTest func(t *testing.T, r *runFixture, h *hangingHandlers, flights []*flight, ran <-chan bool)

// inTakeover runs a test with n workers. before may change the flights before they run.
func inTakeover(t *testing.T, n int, before func(*runFixture, []*flight), test takeoverTest) {
	t.Helper()
	h := newHangingHandlers()
	r := newRunFixture(h.process)
	r.policy.Loop.Concurrency.Value, r.policy.Settle.Size = n, 100
	inRunFixture(t, r, func(t *testing.T) {
		h.release = make(chan struct{}) // of the bubble
		ran := make(chan bool, n)
		var ids []string
		for i := range n {
			ids = append(ids, string(rune('a'+i)))
		}
		flights := r.fetch(ids...)
		if before != nil {
			before(r, flights)
		}
		for _, f := range flights {
			w := r.worker()
			go func() { ran <- w.run(f) }()
		}
		synctest.Wait()
		test(t, r, h, flights, ran)
		synctest.Wait()
	})
}

// [T1] [T2] At the deadline, and not a moment before, the watchdog takes all attempts that have reached it. What needs another call goes
// on with a new worker in the same slot; what needs none ends there and then, and its slot gets a worker as well. The handlers count
// against the headroom until they return, and their workers never continue.
func TestTakeoverGivesUpAttemptsAtTheirDeadline(t *testing.T) {
	inTakeover(t, 3, func(_ *runFixture, flights []*flight) {
		flights[1].state.Attempt = 2 // its last
	}, func(t *testing.T, r *runFixture, h *hangingHandlers, flights []*flight, ran <-chan bool) {
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if n := len(r.successors()); n != 0 || r.headroom.used() != 0 || len(h.causes()) != 0 {
			t.Errorf("before the deadline: %d successors, %d given up, contexts ended: %v", n, r.headroom.used(), h.causes())
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		var resumed []*flight
		var slots []*slot
		for _, w := range r.successors() {
			if w.resumed != nil {
				resumed = append(resumed, w.resumed)
				if w.action != lifecycle.Retry {
					t.Errorf("a successor goes on with action %d, want a retry", w.action)
				}
			}
			if slices.Contains(slots, w.slot) {
				t.Error("two successors have one slot")
			}
			slots = append(slots, w.slot)
		}
		if len(slots) != 3 || len(resumed) != 2 || !slices.Contains(resumed, flights[0]) || !slices.Contains(resumed, flights[2]) {
			t.Errorf("%d successors go on with %d flights, want 3 with the 2 that have another attempt", len(slots), len(resumed))
		}
		r.wantSettlements(t, "b dead_lettered reject")
		if r.headroom.used() != 3 || r.total(timeouts) != 3 || r.stats.late.Load() != 0 {
			t.Errorf("%d given up, %d timeouts, %d late; want 3, 3, 0", r.headroom.used(), r.total(timeouts), r.stats.late.Load())
		}
		for id, got := range h.causes() {
			if want := "1m0s " + ergon.ErrAttemptTimeout.Error(); got != want {
				t.Errorf("the context of %s ended with %q, want %q", id, got, want)
			}
		}
		close(h.release)
		for range 3 {
			if <-ran {
				t.Error("a worker goes on after it has lost its attempt")
			}
		}
		if r.headroom.used() != 0 || r.stats.late.Load() != 3 {
			t.Errorf("at the end %d have not returned and %d were late, want 0 and 3", r.headroom.used(), r.stats.late.Load())
		}
		for _, f := range []*flight{flights[0], flights[2]} {
			if state := stateOf(f); state != secondAttempt() || f.result != nil {
				t.Errorf("a flight is at %s with result %v, want %s without one", state, f.result, secondAttempt())
			}
		}
	})
}

// [S5] An attempt whose lease was lost before its deadline has not timed out: the delivery is the source's.
func TestTakeoverOfALostLeaseIsNoTimeout(t *testing.T) {
	inTakeover(t, 1, nil, func(t *testing.T, r *runFixture, h *hangingHandlers, flights []*flight, ran <-chan bool) {
		flights[0].lost.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		r.wantSettlements(t, "a redelivered unsettled")
		if n := r.total(timeouts); n != 0 {
			t.Errorf("%d timeouts are counted, want none", n)
		}
		close(h.release)
		<-ran
	})
}

// [R1] [R2] A shutdown cancels every handler at once. The cause names the shutdown, and a loop timeout that began it. Nothing is taken:
// what returns is its worker's. No attempt follows.
func TestTakeoverInterruptsHandlers(t *testing.T) {
	for name, why := range map[string]error{"by a signal": errHandler, "by the loop's timeout": ergon.ErrLoopTimeout} {
		t.Run(name, func(t *testing.T) {
			inTakeover(t, 2, nil, func(t *testing.T, r *runFixture, h *hangingHandlers, flights []*flight, ran <-chan bool) {
				time.Sleep(time.Second)
				r.takeover.interrupt(why)
				synctest.Wait()
				want := "1s " + ergon.ErrInterrupted.Error()
				if errors.Is(why, ergon.ErrLoopTimeout) {
					want += ": " + why.Error()
				}
				if h.causes()["a"] != want || h.causes()["b"] != want {
					t.Errorf("the contexts ended with %q, want %q", h.causes(), want)
				}
				if r.headroom.used() != 0 || len(r.successors()) != 0 {
					t.Errorf("%d attempts were taken, want none", r.headroom.used())
				}
				close(h.release)
				for range 2 {
					if !<-ran {
						t.Error("a worker has lost its attempt")
					}
				}
				if got := r.settlements(); !slices.Contains(got, "a succeeded ack") || !slices.Contains(got, "b succeeded ack") {
					t.Errorf("got %v, want what returned to count", got)
				}
				if event := r.caller.cut(flights[0]); event != lifecycle.Interrupted {
					t.Errorf("another attempt would be event %d, want it to be interrupted", event)
				}
			})
		})
	}
}

// [R1] [T1] At the end of a shutdown what has not returned is taken and goes back uncounted, and the end of the run does not wait for its
// worker. What has returned is left alone.
func TestTakeoverAbandonsWhatHasNotReturned(t *testing.T) {
	inTakeover(t, 2, func(r *runFixture, _ []*flight) {
		hang := r.handlers.Process
		r.handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			if tx.ID() == "a" {
				return nil, nil
			}
			return hang(ctx, tx)
		}
	}, func(t *testing.T, r *runFixture, h *hangingHandlers, _ []*flight, ran <-chan bool) {
		if !<-ran {
			t.Error("the worker of a has lost it")
		}
		r.takeover.abandon()
		got := r.settlements()
		slices.Sort(got)
		if want := []string{"a succeeded ack", "b interrupted requeue uncounted"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		synctest.Wait()
		if want := "0s " + ergon.ErrInterrupted.Error(); h.causes()["b"] != want || len(h.causes()) != 1 {
			t.Errorf("the contexts ended with %q, want %q for b", h.causes(), want)
		}
		if r.headroom.used() != 1 || len(r.successors()) != 0 {
			t.Errorf("%d have not returned and %d successors, want 1 and none", r.headroom.used(), len(r.successors()))
		}
		r.takeover.abandon()
		if n := len(r.settlements()); n != 2 {
			t.Errorf("%d transactions have ended after a second time, want 2", n)
		}
		r.pool.workers.Done() // of a, whose worker this test has not sent home
		r.pool.workers.Wait()
		close(h.release)
		if <-ran {
			t.Error("the worker of b goes on")
		}
		if r.headroom.used() != 0 || r.stats.late.Load() != 1 {
			t.Errorf("at the end %d have not returned and %d were late, want 0 and 1", r.headroom.used(), r.stats.late.Load())
		}
	})
}
