package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// failingIDs refuses what has an id that begins with "bad", or a key of its own that ends with "!".
func failingIDs() ergon.Task {
	return ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
		if strings.HasPrefix(tx.ID(), "bad") || strings.HasSuffix(tx.ID(), "!") {
			return nil, ergon.Business(errScripted)
		}
		return nil, nil
	}}
}

// [S2] [F1] A letter store that is slow, or hangs until its calls are given up, keeps no neighbour's acknowledgement waiting, also
// not of one that ends together with the dead one: it comes within the settle interval. The dead one is settled once its letter is
// durable, or has failed permanently.
func TestNeighboursDoNotWaitForALetterStore(t *testing.T) {
	for name, store := range map[string]struct {
		dispatch dispatchFunc
		bad      string
	}{
		"slow": {func(context.Context, []ergon.Transaction) error {
			sleep(10 * time.Second)
			return nil
		}, "10s bad ack"},
		"hangs": {func(ctx context.Context, _ []ergon.Transaction) error {
			<-ctx.Done()
			return ctx.Err()
		}, "42s bad requeue 5s"},
		"hangs whatever its context says": {func(context.Context, []ergon.Transaction) error {
			sleep(time.Hour)
			return nil
		}, "42s bad requeue 5s"},
	} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newRig(failingIDs(), "0", "bad", "1", "2", "3")
				r.Policy.Loop.Execution, r.Policy.Loop.Concurrency.Value = execution, 2
				r.Policy.Settle.Retry = policy.Retry{MaxAttempts: 2, Timeout: 20 * time.Second, Backoff: 2 * time.Second, BackoffMultiplier: 1}
				r.Policy.Loop.Limit = 5
				r.spyOnSettlements(j)
				r.withDeadLetters(store.dispatch)
				r.start(t.Context(), t)
				sleep(r.Policy.Settle.Interval)
				synctest.Wait()
				settled := settledAt(j)
				for _, id := range []string{"0", "1", "2", "3"} {
					if !strings.Contains(settled, " "+id+" ack") {
						t.Errorf("%s is not acknowledged within %s: %s", id, r.Policy.Settle.Interval, settled)
					}
				}
				if strings.Contains(settled, "bad") {
					t.Errorf("bad is settled and its letter not durable: %s", settled)
				}
				_ = r.wait()
				last := j.all()[len(j.all())-1]
				if want := strings.Replace(store.bad, " ", " settle ", 1); last != want {
					t.Errorf("got %q at the end, want %q", last, want)
				}
				sleep(2 * time.Hour) // for what was given up
			})
		})
	}
}

// settledAt renders the settlements so far.
func settledAt(j *journal) string { return strings.Join(j.all(), "; ") + ";" }

// [S2] One batch of letters at a time is in progress, of the size of the policy; behind a store that hangs, fetching pauses where ten
// times the concurrency, or the size, are not settled.
func TestFetchingPausesBehindALetterStoreThatHangs(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		var ids []string
		for i := range 100 {
			ids = append(ids, fmt.Sprint("bad", i))
		}
		var calls, most, largest atomic.Int64
		open := make(chan struct{})
		r := newRig(failingIDs(), ids...)
		r.Policy.Loop.Execution, r.Policy.Loop.Concurrency.Value = execution, 2
		r.Policy.Settle.Size = 3
		r.Policy.Settle.Retry.Timeout = time.Hour
		letters := memory.New(memory.Settings{})
		r.withDeadLetters(dispatchFunc(func(ctx context.Context, batch []ergon.Transaction) error {
			most.Store(max(most.Load(), calls.Add(1)))
			largest.Store(max(largest.Load(), int64(len(batch))))
			defer calls.Add(-1)
			<-open
			return letters.DispatchTransactions(ctx, batch)
		}))
		r.start(t.Context(), t)
		sleep(10 * time.Minute)
		synctest.Wait()
		const behind = 10 * 3
		if got := r.consumer.Snapshot(); got.Unsettled < behind || got.Unsettled > behind+4 || got.Fetched != got.Unsettled {
			t.Errorf("%d were fetched and %d are unsettled, want about %d", got.Fetched, got.Unsettled, behind)
		}
		if got := calls.Load(); got != 1 {
			t.Errorf("%d calls of the store are under way, want 1", got)
		}
		close(open)
		if err := r.wait(); err != nil {
			t.Errorf("the loop ended with %v", err)
		}
		if n := len(recordsIn(t, letters)); n != 100 || most.Load() != 1 || largest.Load() != 3 {
			t.Errorf("got %d letters, %d calls at once, of %d at most; want 100, 1 and 3", n, most.Load(), largest.Load())
		}
		if got := r.consumer.Snapshot(); got.Outcomes[pipeline.DeadLettered] != 100 || got.Unsettled != 0 {
			t.Errorf("got %v and %d unsettled", got.Outcomes, got.Unsettled)
		}
	})
}

// [S2] [L8] What follows a dead one in its ordering key is not settled before it, though it runs; other keys, and what has none,
// wait for nothing.
func TestALetterKeepsTheOrderOfItsKey(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		task := failingIDs()
		process := task.Process
		task.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			if tx.ID() == "a3" {
				sleep(5 * time.Second)
			}
			sleep(time.Millisecond)
			return process(ctx, tx)
		}
		r := newOrderedRig(task, "a1!", "a2", "b1", "-1", "b2!", "a3", "b3", "c1", "a4!", "a5")
		r.Policy.Loop.Execution = execution
		r.spyOnSettlements(j)
		r.withDeadLetters(dispatchFunc(func(context.Context, []ergon.Transaction) error {
			sleep(10 * time.Second)
			return nil
		}))
		r.run(t)
		got := map[string]time.Duration{}
		for _, entry := range j.all() {
			when, what, _ := strings.Cut(entry, " settle ")
			for of := range strings.SplitSeq(what, ", ") {
				at, _ := time.ParseDuration(when)
				got[strings.TrimSuffix(of, " ack")] = at.Truncate(time.Second)
			}
		}
		const first, second = 10 * time.Second, 20 * time.Second // when the letters are durable
		want := map[string]time.Duration{
			"-1": 0, "b1": 0, "c1": 0, "a1!": first, "a2": first, "b2!": first, "b3": first, "a3": second, "a4!": second, "a5": second,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("when each was settled, to the second (-want +got):\n%s", diff)
		}
	})
}
