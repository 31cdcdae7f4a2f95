package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// endlessSource gives as many transactions as it is asked for, "0", "1", …, and writes down when it was asked for how many. It fails or
// is empty if a test lets it be.
type endlessSource struct {
	*journal

	mu    sync.Mutex
	next  int
	empty bool
	err   error
	fetch func(context.Context) // called before anything else; nil for nothing
}

func (s *endlessSource) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	s.note(strconv.Itoa(limit))
	if s.fetch != nil {
		s.fetch(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.empty || s.err != nil {
		return nil, s.err
	}
	txs := make([]ergon.Transaction, limit)
	for i := range txs {
		txs[i] = ergon.NewTransaction(strconv.Itoa(s.next), nil)
		s.next++
	}
	return txs, nil
}

func (s *endlessSource) set(empty bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty, s.err = empty, err
}

// takingBackSource takes transactions back.
type takingBackSource struct{ *endlessSource }

func (takingBackSource) SettleTransactions(context.Context, []capability.Settlement) error {
	return nil
}

// fetchRig is a fetch loop alone, over an endless source.
type fetchRig struct {
	*pipeline.FetchLoop

	t        *testing.T
	source   *endlessSource
	settings pipeline.Settings
	stop     context.CancelFunc
	done     chan struct{}
	err      error
}

// newFetchRig makes one with so many slots and no prefetch, which a test may change before it starts.
func newFetchRig(t *testing.T, slots int) *fetchRig {
	t.Helper()
	r := &fetchRig{t: t, source: &endlessSource{journal: newJournal()}}
	r.settings = pipeline.Settings{Task: "task", Source: r.source, Policy: exactPolicy(), Logger: slog.New(slog.DiscardHandler)}
	p := &r.settings.Policy
	p.Fetch = policy.Fetch{Connector: "input", Retry: retrying(3, time.Second, 100*time.Millisecond).Retry}
	p.Loop.Streaming, p.Loop.Batch.Prefetch, p.Loop.Batch.Size = true, 0, 100
	p.Loop.Concurrency.Value = slots
	return r
}

// start runs it beside the test until all goroutines of the bubble wait.
func (r *fetchRig) start() {
	r.t.Helper()
	loop, err := pipeline.NewFetchLoop(r.settings)
	if err != nil {
		r.t.Fatal(err)
	}
	r.FetchLoop, r.done = loop, make(chan struct{})
	ctx, stop := context.WithCancel(r.t.Context())
	r.stop = stop
	r.t.Cleanup(stop)
	go func() {
		defer close(r.done)
		r.err = loop.Run(ctx)
	}()
	synctest.Wait()
}

// ended ends n that run, successfully, and settles them.
func (r *fetchRig) ended(n int) {
	r.End(n, lifecycle.Succeeded)
	r.Settle(n)
	synctest.Wait()
}

// wantEnd wants the loop to have ended with nil.
func (r *fetchRig) wantEnd() {
	r.t.Helper()
	select {
	case <-r.done:
		if r.err != nil {
			r.t.Errorf("the fetch loop ended with %v, want nil", r.err)
		}
	default:
		r.t.Error("the fetch loop has not ended")
	}
}

func (r *fetchRig) wantSubmitted(want ...string) {
	r.t.Helper()
	got, _ := r.Submitted()
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("submitted (-want +got):\n%s", diff)
	}
}

func (r *fetchRig) wantGivenBack(want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.GivenBack()); diff != "" {
		r.t.Errorf("given back (-want +got):\n%s", diff)
	}
}

func TestFetchLoopAsksForAsManyAsThereAreFreeSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 3)
		r.start()
		sleep(time.Second)
		r.ended(1)
		sleep(time.Second)
		r.ended(2)
		r.stop()
		r.source.want(t, "0s 3", "1s 1", "2s 2")
		r.wantSubmitted(numbered(6)...)
	})
}

// What is fetched ahead is refilled by half.
func TestFetchLoopPrefetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 2)
		r.settings.Policy.Loop.Batch.Prefetch = 4
		r.start()
		for range 4 {
			sleep(time.Second)
			r.ended(1)
		}
		r.stop()
		r.source.want(t, "0s 6", "3s 3")
	})
}

// A settler that falls behind bounds what is fetched: ten batches, or ten times what runs at once.
func TestFetchLoopWaitsForSettlementThatIsFarBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 1)
		r.settings.Policy.Settle.Size = 1
		r.start()
		for range 11 {
			r.End(1, lifecycle.Succeeded)
			r.Settle(0)
			synctest.Wait()
		}
		r.wantSubmitted(numbered(11)...)
		sleep(time.Minute)
		r.wantSubmitted(numbered(11)...)
		r.Settle(1)
		synctest.Wait()
		r.wantSubmitted(numbered(12)...)
		r.stop()
	})
}

func TestFetchLoopRestsAfterEmptyFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 2)
		r.settings.Policy.Loop.EmptyQueue = policy.EmptyQueue{Backoff: time.Second, BackoffMultiplier: 2, BackoffCap: 4 * time.Second}
		r.source.set(true, nil)
		r.start()
		sleep(12 * time.Second)
		r.source.set(false, nil)
		sleep(4 * time.Second) // at 15 s it gets something
		r.source.set(true, nil)
		r.ended(1)
		sleep(1500 * time.Millisecond)
		r.stop()
		r.source.want(t, "0s 2", "1s 2", "3s 2", "7s 2", "11s 2", "15s 2", "16s 1", "17s 1")
	})
}

func TestFetchLoopKeepsTheIntervalOfItsPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 1)
		r.settings.Policy.Loop.Batch.Interval = 10 * time.Second
		r.start()
		sleep(time.Second)
		r.ended(1)
		sleep(11 * time.Second)
		r.ended(1)
		r.stop()
		synctest.Wait()
		r.source.want(t, "0s 1", "10s 1")
	})
}

// [L7] In an outage one transaction is fetched at a time, a probe; one that succeeds ends the outage.
func TestFetchLoopProbesInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 2)
		r.settings.Policy.Loop.Outage = policy.Outage{After: 2, ProbeInterval: 10 * time.Second}
		r.start()
		r.End(2, lifecycle.Failed)
		r.Settle(2)
		sleep(15 * time.Second) // the first probe began after 10 s
		r.End(1, lifecycle.Failed)
		r.Settle(1)
		sleep(11 * time.Second) // the second began 10 s after the first had failed
		r.ended(1)
		r.stop()
		r.source.want(t, "0s 2", "10s 1", "25s 1", "26s 2")
	})
}

// A fetch that a pause cancels has not failed. What one brings all the same is requeued or, if the source takes nothing back, is held
// until the pause is over.
func TestFetchDuringWhichAPauseBegins(t *testing.T) {
	for name, test := range map[string]struct {
		canRequeue, obeys           bool
		submitted, afterwards, back []string
	}{
		"cancelled":                 {canRequeue: true, obeys: true, afterwards: numbered(1)},
		"goes on and is given back": {canRequeue: true, back: numbered(1), afterwards: []string{"1"}},
		"goes on and is held":       {afterwards: numbered(1)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newFetchRig(t, 1)
				r.settings.Policy.Fetch.Retry = once(time.Hour).Retry
				if test.canRequeue {
					r.settings.Source = takingBackSource{r.source}
				}
				var cancelled atomic.Bool
				r.source.fetch = func(ctx context.Context) {
					slow := time.NewTimer(10 * time.Second)
					defer slow.Stop()
					done := ctx.Done()
					if !test.obeys {
						done = nil
					}
					select {
					case <-slow.C:
					case <-done:
						cancelled.Store(true)
					}
				}
				if test.obeys {
					r.source.err = errors.New("cancelled")
				}
				r.start()
				sleep(time.Second)
				r.Pause()
				sleep(time.Hour)
				if cancelled.Load() != test.obeys {
					t.Errorf("the fetch was cancelled: %t, want %t", cancelled.Load(), test.obeys)
				}
				r.wantSubmitted(test.submitted...)
				r.wantGivenBack(test.back...)
				r.source.set(false, nil)
				r.Resume()
				sleep(time.Minute)
				r.wantSubmitted(test.afterwards...)
				r.stop()
				<-r.done
				if r.err != nil {
					t.Errorf("got %v, want nil", r.err)
				}
			})
		})
	}
}

// [L2] The limit is shared: what others have taken during a fetch is missing after it, and what is too many goes back.
func TestFetchLoopTakesNoMoreThanTheQuotaAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 10)
		r.settings.Policy.Loop.Limit = 5
		quota := pipeline.NewQuota(5)
		r.settings.Quota = quota
		r.source.fetch = func(ctx context.Context) { quota.Take(ctx, 3) }
		r.start()
		r.wantEnd()
		r.source.want(t, "0s 5")
		r.wantSubmitted("0", "1")
		r.wantGivenBack("2", "3", "4")
	})
}

func TestFetchLoopEndsWhenItsSourceIsExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 1)
		r.source.err = ergon.ErrExhausted
		r.start()
		r.wantEnd()
		r.source.want(t, "0s 1")
	})
}

// A finite loop ends with an empty fetch that began when nothing was in flight, unless its source holds back what it requeued.
func TestFiniteFetchLoopEndsWithTheFirstEmptyFetchAfterEverythingIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 2)
		var left atomic.Int64
		left.Store(1)
		r.settings.Source = countingSource{r.source, &left}
		r.settings.Policy.Loop.Streaming = false
		r.settings.Policy.Loop.EmptyQueue = policy.EmptyQueue{Backoff: time.Second, BackoffMultiplier: 1, BackoffCap: time.Second}
		r.start()
		r.source.set(true, nil)
		r.ended(1) // asks: one is in flight
		sleep(1500 * time.Millisecond)
		r.Requeued()
		r.ended(1) // ends the rest
		sleep(500 * time.Millisecond)
		left.Store(0)
		sleep(time.Second)
		r.wantEnd()
		r.source.want(t, "0s 2", "0s 1", "1s 1", "1.5s 2", "1.5s counts 1", "2.5s 2", "2.5s counts 0")
	})
}

type countingSource struct {
	*endlessSource

	left *atomic.Int64
}

func (s countingSource) CountTransactions(context.Context) (int64, error) {
	n := s.left.Load()
	s.note(fmt.Sprintf("counts %d", n))
	return n, nil
}

func TestFetchThatFailsForGoodEndsTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 1)
		down := errors.New("down")
		r.source.err = down
		r.start()
		sleep(time.Second)
		<-r.done
		failed, ok := errors.AsType[*pipeline.FetchError](r.err)
		if !ok || failed.Connector != "input" || !errors.Is(r.err, down) {
			t.Errorf("got %v, want a FetchError of connector input that wraps %v", r.err, down)
		}
		r.source.want(t, "0s 1", "100ms 1", "200ms 1")
	})
}

// [E3] A call that was given up continues. What it brings is requeued, and the end of the loop waits for that as long as for anything.
func TestLateFetchGivesBackWhatItBrings(t *testing.T) {
	for took, inTime := range map[time.Duration]bool{1999 * time.Millisecond: true, 2001 * time.Millisecond: false} {
		t.Run(took.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newFetchRig(t, 1)
				r.settings.Policy.Fetch.Retry = once(time.Hour).Retry
				r.source.fetch = func(context.Context) { sleep(took) }
				r.start()
				sleep(time.Second)
				r.stop()
				<-r.done
				if got := r.WaitForCalls(); got != inTime {
					t.Errorf("the call ended in time: %t, want %t", got, inTime)
				}
				sleep(time.Second)
				r.wantGivenBack("0")
				r.wantSubmitted()
			})
		})
	}
}

// [decision 44] While the loop's goroutine waits for capacity, a worker with a free slot fetches in its place.
func TestWorkerFetchesInPlaceOfTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 2)
		r.start()
		if r.FetchInline() {
			t.Error("a worker has fetched, although no slot is free")
		}
		r.End(1, lifecycle.Succeeded) // nobody wakes the loop
		if !r.FetchInline() {
			t.Error("a worker has not fetched, although a slot is free")
		}
		if _, by := r.Submitted(); by != 1 {
			t.Errorf("%d were submitted by a worker, want 1", by)
		}
		r.stop()
		r.source.want(t, "0s 2", "0s 1")
	})
}

// A fetch that fails in a worker is retried by the loop's goroutine: the worker's call counts as the first attempt.
func TestFetchThatFailsInAWorkerIsLeftToTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 1)
		r.start()
		r.End(1, lifecycle.Succeeded)
		r.source.set(false, errors.New("down"))
		sleep(time.Second)
		r.FetchInline()
		r.source.set(false, nil)
		sleep(time.Second)
		if ids, by := r.Submitted(); len(ids) != 2 || by != 0 {
			t.Errorf("%d were submitted, %d of them by a worker; want 2 and 0", len(ids), by)
		}
		r.stop()
		r.source.want(t, "0s 1", "1s 1", "1.1s 1")
	})
}

// Neither a loop that waits for capacity nor one that rests is stalled.
func TestFetchLoopThatWaitsIsNotStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFetchRig(t, 1)
		r.settings.Policy.Loop.EmptyQueue = policy.EmptyQueue{Backoff: time.Hour, BackoffMultiplier: 1, BackoffCap: time.Hour}
		r.start()
		sleep(time.Hour)
		if got := r.Stalled(); got != "" {
			t.Errorf("a loop that waits for capacity is stalled in %q", got)
		}
		r.source.set(true, nil)
		r.ended(1)
		sleep(59 * time.Minute)
		if got := r.Stalled(); got != "" {
			t.Errorf("a loop that rests is stalled in %q", got)
		}
		r.stop()
	})
}
