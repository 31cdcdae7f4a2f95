package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// inBothModes runs a test for each mode and execution, which its rigs are given by shape.
func inBothModes(t *testing.T, test func(t *testing.T, shape func(*rig))) {
	t.Helper()
	for _, mode := range []policy.Mode{policy.ModeContinuous, policy.ModeBatch} {
		t.Run(string(mode), func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				test(t, func(r *rig) { r.Policy.Loop.Mode, r.Policy.Loop.Execution = mode, execution })
			})
		})
	}
}

// [L2]
func TestLimitIsExactOverBatches(t *testing.T) {
	for _, limit := range []int64{1, 2, 5, 6, 7, 20, 21} {
		inBothModes(t, func(t *testing.T, shape func(*rig)) {
			r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
				time.Sleep(time.Second)
				return nil, nil
			}}, numbered(20)...)
			shape(r)
			r.Policy.Loop.Batch.Size, r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Prefetch = 3, 4, 2
			r.Policy.Loop.Limit = limit
			r.run(t)
			want := min(limit, 20)
			got := r.consumer.Snapshot()
			if got.Started != want || got.Fetched != want || got.Outcomes[pipeline.Succeeded] != want {
				t.Errorf("limit %d: got %d fetched, %d started, outcomes %v", limit, got.Fetched, got.Started, got.Outcomes)
			}
			if left, _ := r.Queue.CountTransactions(t.Context()); left != 20-want {
				t.Errorf("limit %d: the source holds %d, want %d", limit, left, 20-want)
			}
		})
	}
}

// [L2] A connector that delivers too much cannot make a loop start too much: what is over the limit goes back at once.
func TestWhatIsFetchedBeyondTheLimitIsReleased(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			time.Sleep(time.Second)
			return nil, nil
		}}, numbered(8)...)
		r.Source = &spy{settlingSource: memory.WithFaults(r.Queue, memory.OverDeliver(4).Always()), journal: j}
		shape(r)
		r.Policy.Loop.Batch.Size, r.Policy.Loop.Concurrency.Value = 2, 2
		r.Policy.Loop.Limit = 3
		r.run(t)
		j.want(t,
			"0s fetch 2: 0 1 2 3 4 5",
			"0s settle 3 requeue interrupted, 4 requeue interrupted, 5 requeue interrupted",
			"1.005s settle 0 ack, 1 ack",
			"2s settle 2 ack",
		)
		if got := r.consumer.Snapshot(); got.Fetched != 3 || got.Started != 3 {
			t.Errorf("got %d fetched and %d started, want the 3 of the limit", got.Fetched, got.Started)
		}
		again, err := r.Queue.FetchTransactions(t.Context(), 10)
		if err != nil || idsOf(again) != "3 4 5 6 7" {
			t.Errorf("the source holds %q (%v), want what was not started, in its order", idsOf(again), err)
		}
		for _, tx := range again {
			if got := tx.Delivery().Count; got != 1 {
				t.Errorf("transaction %s comes as delivery %d, want 1: it was not started", tx.ID(), got)
			}
		}
	})
}

// [L2, E3] Giving back what is over the limit holds up neither the rest nor, where the source does not answer, the shutdown.
func TestReleaseThatHangsHoldsUpNobody(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newTimedRig(seconds(1, 1, 1, 1)...)
		r.Source = memory.WithFaults(r.Queue, memory.OverDeliver(2), memory.Stall(memory.OnSettle, time.Hour).IgnoringContext().For("2", "3"))
		shape(r)
		r.Policy.Loop.Limit, r.Policy.Loop.Batch.Size, r.Policy.Loop.Concurrency.Value = 2, 2, 2
		r.Policy.Settle.Retry = once(10 * time.Minute).Retry
		r.Shutdown = policy.Shutdown{Grace: 10 * time.Second, Force: 3 * time.Second}
		r.OnEnd = func(result pipeline.Result) { j.note(result.Outcome.String()) }
		if err := r.runFor(t, 20*time.Second); !errors.Is(err, errStopped) {
			t.Errorf("got error %v, want the cause of the context's end", err)
		}
		j.note("end")
		j.want(t, "1s succeeded", "1s succeeded", "36s end") // 20 s + grace + force + a last flush as long as force
		time.Sleep(2 * time.Hour)
	})
}

// [L2] Attempts are no starts, deliveries are.
func TestLimitCountsStartedTransactions(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newRig(ergon.Task{
			Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				j.note(tx.ID())
				return nil, errors.New("broken")
			},
			Exception: func(context.Context, ergon.Transaction, *ergon.TransactionError) (ergon.Disposition, error) {
				return ergon.Requeue(0), nil
			},
		}, "a", "b")
		shape(r)
		r.Policy.Loop.Batch.Size = 1
		r.Policy.Loop.Limit = 3
		r.Policy.Process = retrying(2, time.Second, time.Second)
		r.run(t)
		j.want(t, "0s a", "1s a", "1s b", "2s b", "2s a", "3s a")
	})
}

// [L2]
func TestOverDeliveryWaits(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newTimedRig(seconds(1, 1, 1, 1, 1)...)
		r.Source = &spy{settlingSource: memory.WithFaults(r.Queue, memory.OverDeliver(3)), journal: j}
		shape(r)
		r.Policy.Loop.Batch.Size, r.Policy.Loop.Concurrency.Value = 2, 2
		r.Policy.Settle.Interval = 0
		r.run(t)
		found := slices.DeleteFunc(withoutEmptyFetches(j), func(entry string) bool { return strings.Contains(entry, "settle") })
		if len(found) != 1 || found[0] != "0s fetch 2: 0 1 2 3 4" {
			t.Errorf("got fetches %q, want one that brought all", found)
		}
		if took := time.Since(j.begin); took != 3*time.Second {
			t.Errorf("it took %s, want 3s: two at once", took)
		}
		if got := r.consumer.Snapshot().Outcomes; got[pipeline.Succeeded] != 5 {
			t.Errorf("got outcomes %v, want 5 succeeded", got)
		}
	})
}

// [L2, T1] A source that does not answer in time is asked again. What it brings afterwards is not wanted any more, and goes
// back.
func TestLateFetchIsReleased(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			time.Sleep(10 * time.Second)
			return nil, nil
		}}, "a", "b")
		stalled := memory.Stall(memory.OnFetch, 3*time.Second).IgnoringContext()
		r.Source = &spy{settlingSource: memory.WithFaults(r.Queue, stalled), journal: j}
		shape(r)
		r.Policy.Loop.Batch.Size = 1
		r.Policy.Fetch.Retry = retrying(2, time.Second, 500*time.Millisecond).Retry
		r.run(t)
		found := withoutEmptyFetches(j)
		(&journal{entries: found[:3]}).want(t, "1.5s fetch 1: a", "3s fetch 1: b", "3s settle b requeue interrupted")
		(&journal{entries: found[len(found)-1:]}).want(t, "21.5s settle b ack")
		if got := r.consumer.Snapshot().Fetched; got != 2 {
			t.Errorf("got %d fetched, want 2: the late one was not", got)
		}
	})
}

// [L2, E3, K8] The loop waits for a fetch that ignores its shutdown; what that brings goes back.
func TestFetchThatIgnoresTheShutdownIsReleased(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newRig(neverHandled(t, timed()), "a")
		stalled := memory.Stall(memory.OnFetch, 3*time.Second).IgnoringContext()
		r.Source = &spy{settlingSource: memory.WithFaults(r.Queue, stalled), journal: j}
		shape(r)
		r.Policy.Loop.Batch.Size = 1
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		time.Sleep(time.Second)
		cancel()
		if err := r.wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want that of the context", err)
		}
		j.note("end")
		time.Sleep(time.Minute)
		j.want(t, "3s fetch 1: a", "3s settle a requeue interrupted", "3s end")
	})
}

// [L2] A fetch that brings transactions and fails has failed: they go back, and it is tried again.
func TestFetchThatBringsSomethingAndFails(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a", "b")
		calls := 0
		r.Source = &spy{journal: j, settlingSource: struct {
			ergon.Fetcher
			capability.Settler
		}{fetchFunc(func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
			txs, err := r.Queue.FetchTransactions(ctx, limit)
			calls++
			if calls == 1 {
				return txs, errors.New("connection lost")
			}
			return txs, err
		}), r.Queue}}
		shape(r)
		r.Policy.Loop.Batch.Size, r.Policy.Loop.Concurrency.Value = 2, 2
		r.run(t)
		j.wantFound(t,
			"0s fetch 2: a b", "0s settle a requeue interrupted, b requeue interrupted",
			"200ms fetch 2: a b", "200ms settle a ack, b ack",
		)
	})
}

// [L2] What is not wanted and cannot be requeued either is the source's to deliver again: the log says so.
func TestReleaseThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &logBuffer{}
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a", "b", "c")
		r.Source = memory.WithFaults(r.Queue, memory.OverDeliver(2), memory.Fail(memory.OnSettle, nil).For("b").Times(9))
		r.Logger = logs.logger(slog.LevelInfo)
		r.Policy.Loop.Limit = 1
		r.run(t)
		logs.wantMessages(t, slog.LevelInfo, "transactions that were fetched but not needed could not be requeued")
		if line := logs.lines(t, slog.LevelError); len(line) == 1 && line[0]["count"] != 1.0 {
			t.Errorf("got count %v, want 1", line[0]["count"])
		}
		if n, _ := r.Queue.CountTransactions(t.Context()); n != 1 || r.Queue.InFlight() != 1 {
			t.Errorf("the source holds %d and %d in flight, want c back and b in flight", n, r.Queue.InFlight())
		}
	})
}
