package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/inline"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// settleRig is a settler and what it gets of a loop: nothing but a source, and functions.
type settleRig struct {
	*pipeline.Settler
	*journal

	settle   func(ctx context.Context, batch []capability.Settlement) error // nil: everything is settled at once
	stopped  []error
	replaced replacements
	logs     logBuffer
}

// replacements are points in time since the test began.
type replacements struct {
	mu  sync.Mutex
	was []time.Duration
}

func (m *replacements) add(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.was = append(m.was, d)
}

func (m *replacements) all() []time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.was)
}

// SettleTransactions notes a call as it begins: "0s a b".
func (r *settleRig) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	txs := make([]ergon.Transaction, len(batch))
	for i := range batch {
		txs[i] = batch[i].Transaction
	}
	r.note(idsOf(txs))
	if r.settle == nil {
		return nil
	}
	return r.settle(ctx, batch)
}

// inSettleRig runs a test in a bubble of virtual time, with batches of three and an interval of five seconds.
func inSettleRig(t *testing.T, test func(t *testing.T, r *settleRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &settleRig{journal: newJournal()}
		p := policy.Settle{Size: 3, Interval: 5 * time.Second, Retry: retrying(2, time.Minute, 2*time.Second).Retry}
		made, err := pipeline.NewSettler(r, p, r.logs.logger(slog.LevelWarn),
			func(why error) { r.stopped = append(r.stopped, why) },
			func() { r.replaced.add(time.Since(r.begin)) })
		if err != nil {
			t.Fatal(err)
		}
		r.Settler = made
		test(t, r)
	})
}

// wantEnd wants these outcomes and nothing left.
func (r *settleRig) wantEnd(t *testing.T, want map[pipeline.Outcome]int64) {
	t.Helper()
	if diff := cmp.Diff(want, r.Outcomes()); diff != "" || r.Unsettled() != 0 {
		t.Errorf("%d unsettled, outcomes (-want +got):\n%s", r.Unsettled(), diff)
	}
}

// [S1] A batch is settled as soon as it is complete, and not before.
func TestSettlerSettlesWhenABatchIsComplete(t *testing.T) {
	inSettleRig(t, func(t *testing.T, r *settleRig) {
		r.Start()
		if r.Add(0, "a") || r.Add(1, "b") {
			t.Error("two of three complete a batch")
		}
		sleep(5*time.Second - 1)
		r.want(t)
		if !r.Add(2, "c") {
			t.Error("three of three do not complete a batch")
		}
		r.Hurry() // as who has completed it does
		synctest.Wait()
		r.want(t, "4.999999999s a b c")
		r.Add(0, "d", "e", "f", "g")
		r.Hurry()
		r.End()
		r.want(t, "4.999999999s a b c", "4.999999999s d e f", "4.999999999s g")
		r.wantEnd(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 7})
	})
}

// [S1] The first of a batch waits for the interval, and not longer.
func TestSettlerSettlesAfterTheInterval(t *testing.T) {
	inSettleRig(t, func(t *testing.T, r *settleRig) {
		r.Start()
		sleep(time.Second)
		r.Add(0, "a")
		sleep(5*time.Second - 1)
		r.Add(1, "b")
		r.want(t)
		sleep(1)
		synctest.Wait()
		r.want(t, "6s a b")
		r.Add(0, "c")
		r.End() // does not wait for the interval
		r.want(t, "6s a b", "6s c")
		r.wantEnd(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 3})
	})
}

// [S1] What is pending is settled at once if nothing will join it.
func TestSettlerSettlesAtOnceWhenHurried(t *testing.T) {
	inSettleRig(t, func(t *testing.T, r *settleRig) {
		r.Start()
		r.Add(0, "a")
		synctest.Wait()
		r.want(t)
		r.Hurry()
		synctest.Wait()
		r.want(t, "0s a")
		r.End()
		r.wantEnd(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 1})
	})
}

// [S1] A delivery that the source has taken back is not settled again, and no failure: it is delivered again.
func TestSettlerTakesAStaleDeliveryForRedelivered(t *testing.T) {
	inSettleRig(t, func(t *testing.T, r *settleRig) {
		r.settle = func(context.Context, []capability.Settlement) error {
			return &ergon.BatchError{Failures: map[int]error{1: capability.ErrStaleDelivery}}
		}
		r.Start()
		r.Add(0, "a", "b", "c")
		r.Hurry()
		r.End()
		r.want(t, "0s a b c")
		r.wantEnd(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 2, pipeline.Redelivered: 1})
		if err := r.Err(); err != nil {
			t.Errorf("the run fails with %v", err)
		}
		synctest.Wait() // for the log
		r.logs.wantMessages(t, slog.LevelWarn, "the source has taken the transaction back; it will be delivered again")
	})
}

// [S1] Of a batch that fails in part, the next attempt has the rest only. What fails permanently is left to be delivered again.
func TestSettlerRetriesWhatFailedOfABatch(t *testing.T) {
	for name, c := range map[string]struct {
		heals bool
		want  map[pipeline.Outcome]int64
	}{
		"and succeeds": {true, map[pipeline.Outcome]int64{pipeline.Succeeded: 3}},
		"and fails":    {false, map[pipeline.Outcome]int64{pipeline.Succeeded: 2, pipeline.Redelivered: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			inSettleRig(t, func(t *testing.T, r *settleRig) {
				r.settle = func(_ context.Context, batch []capability.Settlement) error {
					if len(batch) == 1 && c.heals {
						return nil
					}
					return &ergon.BatchError{Failures: map[int]error{len(batch) - 1: errScripted}}
				}
				r.Start()
				r.Add(0, "a", "b", "c")
				r.Hurry()
				r.End()
				r.want(t, "0s a b c", "2s c")
				r.wantEnd(t, c.want)
				err := r.Err()
				named := errors.Is(err, pipeline.ErrUnsettled) && strings.Contains(err.Error(), "transaction c")
				if c.heals && err != nil || !c.heals && !named {
					t.Errorf("the run fails with %v", err)
				}
				if len(r.stopped) != 0 {
					t.Errorf("one batch has stopped the loop: %v", r.stopped)
				}
			})
		})
	}
}

// [S1] Three batches in a row that cannot be settled stop fetching, once. One that can be settled begins the count anew.
func TestThreeFailedBatchesInARowStopFetching(t *testing.T) {
	inSettleRig(t, func(t *testing.T, r *settleRig) {
		failing := true
		r.settle = func(context.Context, []capability.Settlement) error {
			if failing {
				return errScripted
			}
			return nil
		}
		r.Start()
		settle := func(id string) {
			r.Add(0, id)
			r.Hurry()
			sleep(2 * time.Second) // both attempts
			synctest.Wait()
		}
		settle("a")
		settle("b")
		failing = false
		settle("c")
		failing = true
		settle("d")
		settle("e")
		if len(r.stopped) != 0 {
			t.Fatalf("two in a row have stopped fetching: %v", r.stopped)
		}
		settle("f")
		if len(r.stopped) != 1 || !errors.Is(r.stopped[0], pipeline.ErrUnsettled) || !errors.Is(r.stopped[0], errScripted) {
			t.Errorf("after three in a row got %v, want ErrUnsettled for the scripted failure", r.stopped)
		}
		settle("g")
		if len(r.stopped) != 1 {
			t.Errorf("the fourth has stopped it again: %v", r.stopped)
		}
		r.End()
		r.wantEnd(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 1, pipeline.Redelivered: 6})
	})
}

// [E2] A settlement is overdue once it has taken longer than its attempts may, and not a moment before. When it is over, nothing is, for as
// long as nothing is settled; whether a worker or the settler's goroutine has made the call.
func TestSettlerIsStalledOnlyWhileItSettles(t *testing.T) {
	for _, inline := range []bool{false, true} {
		t.Run(fmt.Sprintf("by a worker: %t", inline), func(t *testing.T) {
			inSettleRig(t, func(t *testing.T, r *settleRig) {
				r.Start()
				r.Add(0, "a", "b", "c")
				if inline {
					r.SettleInline(0)
				} else {
					r.Hurry()
				}
				sleep(time.Hour)
				if got := r.Stalled(); got != "" {
					t.Errorf("%q is overdue after everything was settled", got)
				}
				released := make(chan struct{})
				r.HangOnSettle(released) // its calls are given up in time
				r.Add(0, "d", "e", "f")
				r.Hurry()
				sleep(r.SettleBudget())
				if got := r.Stalled(); got != "" {
					t.Errorf("%q is overdue when it may still come back", got)
				}
				sleep(1)
				if got := r.Stalled(); got != "settling" {
					t.Errorf("%q is overdue when its time is over, want settling", got)
				}
				close(released)
				r.End()
				if got := r.Stalled(); got != "" {
					t.Errorf("%q is overdue after it came back", got)
				}
			})
		})
	}
}

// A worker settles a batch on its own goroutine if that is quick: nobody takes its place, and the settler's goroutine is not needed.
func TestWorkerSettlesInline(t *testing.T) {
	inSettleRig(t, func(t *testing.T, r *settleRig) {
		r.settle = func(context.Context, []capability.Settlement) error {
			sleep(inline.HandOffAfter - 1)
			return nil
		}
		r.Add(0, "a", "b")
		r.Add(1, "c")
		r.SettleInline(1)
		r.want(t, "0s a b c")
		r.wantEnd(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 3})
		if replaced := r.replaced.all(); len(replaced) != 0 {
			t.Errorf("the worker was replaced after %v", replaced)
		}
	})
}

// A worker whose settlement is slow is replaced after HandOffAfter. Its call continues, the settler's goroutine gets the result, and no
// worker makes the next call.
func TestWorkerHandsOffASlowSettlement(t *testing.T) {
	inSettleRig(t, func(t *testing.T, r *settleRig) {
		r.settle = func(context.Context, []capability.Settlement) error {
			sleep(time.Second)
			return nil
		}
		r.Start()
		r.Add(0, "a", "b", "c")
		done := make(chan struct{})
		go func() {
			defer close(done) // the goroutine ends with a call that was handed off
			r.SettleInline(0)
		}()
		sleep(inline.HandOffAfter - 1)
		synctest.Wait()
		if replaced := r.replaced.all(); len(replaced) != 0 {
			t.Errorf("the worker was replaced after %v", replaced)
		}
		sleep(1)
		synctest.Wait()
		if replaced := r.replaced.all(); len(replaced) != 1 || replaced[0] != inline.HandOffAfter {
			t.Errorf("the worker was replaced after %v, want once after %s", replaced, inline.HandOffAfter)
		}
		<-done
		synctest.Wait()
		r.want(t, "0s a b c")
		r.wantEnd(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 3})
		r.Add(0, "d", "e", "f")
		r.SettleInline(0) // leaves it to the settler's goroutine
		if time.Since(r.begin) != time.Second {
			t.Errorf("the next call was made by a worker, and took until %s", time.Since(r.begin))
		}
		r.End()
		r.want(t, "0s a b c", "1s d e f")
		r.wantEnd(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 6})
	})
}
