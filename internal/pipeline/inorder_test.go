package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
)

// settleLog notes when a topic is settled, and may hold up the calls that do.
type settleLog struct {
	*memory.Reader

	journal *journal
	hold    func(ctx context.Context) error // before a call
	burst   map[string]int                  // how many a fetch brings that begins with an id; nil: what it is asked for
}

// FetchTransactions brings one at a time, where burst is set, so that they start in order.
func (l settleLog) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	if l.burst == nil {
		return l.Reader.FetchTransactions(ctx, limit)
	}
	txs, err := l.Reader.FetchTransactions(ctx, 1)
	if err != nil || len(txs) == 0 || l.burst[txs[0].ID()] < 2 {
		return txs, err
	}
	more, err := l.Reader.FetchTransactions(ctx, l.burst[txs[0].ID()]-1)
	return append(txs, more...), err
}

func (l settleLog) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	if l.hold != nil {
		if err := l.hold(ctx); err != nil {
			return err
		}
	}
	err := l.Reader.SettleTransactions(ctx, batch)
	ids := make([]string, len(batch))
	for i, s := range batch {
		ids[i] = s.Transaction.ID()
	}
	l.journal.note(fmt.Sprintf("settle %v", ids))
	return err
}

// newTopicRig makes a loop over a finite topic of one partition, with n transactions.
func newTopicRig(handlers ergon.Task, n int) (*rig, *memory.Topic, *journal) {
	topic := memory.NewTopic(memory.TopicSettings{Transactions: transactionsOf(numbered(n)...), Finite: true})
	j := newJournal()
	r := newRig(handlers)
	r.Source = settleLog{Reader: topic.NewReader(), journal: j}
	r.Policy.Settle.Interval = 10 * time.Millisecond
	return r, topic, j
}

// once, by id: what a first delivery does. Later ones succeed at once.
type firstRuns struct {
	mu   sync.Mutex
	seen map[string]int
	do   map[string]func(context.Context) error
}

func (f *firstRuns) Process(ctx context.Context, tx ergon.Transaction) (any, error) {
	f.mu.Lock()
	if f.seen == nil {
		f.seen = map[string]int{}
	}
	f.seen[tx.ID()]++
	again := f.seen[tx.ID()] > 1
	f.mu.Unlock()
	if do := f.do[tx.ID()]; do != nil && !again {
		return nil, do(ctx)
	}
	return nil, nil
}

// takesOr makes a handler that respects its context.
func takesOr(d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// revocationScenario is the first of the connector contract: 0, 3 and 6 run; 1 and 7 have ended; 2 has ended as a dead letter; 4 failed
// and is held
// for 30 s; 5 waits for its next attempt; 8 and 9 wait for a slot. It returns four seconds after the beginning.
func revocationScenario(t *testing.T, change func(*rig)) (*rig, *memory.Topic, *journal, *memory.Queue) {
	t.Helper()
	first := &firstRuns{}
	r, topic, j := newTopicRig(ergon.Task{
		Process: first.Process,
		Exception: func(_ context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
			if tx.ID() == "4" {
				return ergon.Requeue(30 * time.Second), nil
			}
			return ergon.DeadLetter(), nil
		},
	}, 10)
	source := r.Source.(settleLog)
	source.burst = map[string]int{"7": 3} // which leaves 8 and 9 without a slot
	r.Source = source
	first.do = map[string]func(context.Context) error{
		"0": takesOr(10*time.Second, nil), "1": takesOr(time.Second, nil), "2": takesOr(time.Second, ergon.Business(errRefused)),
		"3": takesOr(12*time.Second, nil), "4": takesOr(time.Second, ergon.Business(errRefused)),
		"5": takesOr(time.Second, ergon.RetryAfter(errRefused, time.Minute)),
		"6": func(ctx context.Context) error {
			<-ctx.Done()
			j.note("6 is cancelled: " + context.Cause(ctx).Error())
			return context.Cause(ctx)
		},
		"7": takesOr(time.Second, nil),
	}
	letters := memory.New(memory.Settings{})
	r.DeadLetters, r.Policy.Loop.DeadLetter = letters, "letters"
	r.Policy.Process = retrying(3, 2*time.Minute, time.Minute)
	r.Policy.Loop.Concurrency.Value = 4
	if change != nil {
		change(r)
	}
	r.start(t.Context(), t)
	sleep(2500 * time.Millisecond)
	if err := r.consumer.SetConcurrency(3); err != nil {
		t.Fatal(err)
	}
	sleep(1500 * time.Millisecond)
	synctest.Wait()
	return r, topic, j, letters
}

// [K2] [K3] Scenario 1 of the contract: a partition is revoked in good order.
func TestRevocationSettlesThePrefixAndDropsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, topic, j, letters := revocationScenario(t, nil)
		if n := topic.Settled(0); n != 0 {
			t.Errorf("%d are settled while 0 runs", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		topic.Revoke(ctx)
		j.note(fmt.Sprintf("revoked at %d", topic.Settled(0)))
		if n, _ := letters.CountTransactions(t.Context()); n != 1 {
			t.Errorf("got %d dead letters, want one", n)
		}
		if err := r.wait(); err != nil {
			t.Error(err)
		}
		want := []string{
			"4s 6 is cancelled: " + capability.ErrStaleDelivery.Error(), "10.01s settle [0 1 2]", "12s settle [3]", "12s revoked at 4",
		}
		if got := j.all(); !slices.Equal(got[:min(4, len(got))], want) || topic.Settled(0) != 10 {
			t.Errorf("got %q and %d settled, want %q first and all of them", got, topic.Settled(0), want)
		}
		if n, _ := letters.CountTransactions(t.Context()); n != 1 {
			t.Errorf("got %d dead letters at the end, want one", n)
		}
		got := r.consumer.Snapshot().Outcomes
		if want := (map[pipeline.Outcome]int64{
			pipeline.Succeeded: 9, pipeline.DeadLettered: 1, pipeline.Requeued: 1, pipeline.Redelivered: 6,
		}); !cmp.Equal(got, want) {
			t.Errorf("outcomes: %s", cmp.Diff(want, got))
		}
	})
}

// [K3] What does not end within the time of a revocation is cancelled, and the revocation returns then.
func TestRevocationEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, topic, j, _ := revocationScenario(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		topic.Revoke(ctx)
		j.note(fmt.Sprintf("revoked at %d", topic.Settled(0)))
		if err := r.wait(); err != nil {
			t.Error(err)
		}
		want := []string{"4s 6 is cancelled: " + capability.ErrStaleDelivery.Error(), "10.01s settle [0 1 2]", "11s revoked at 3"}
		if got := j.all(); !slices.Equal(got[:min(3, len(got))], want) || topic.Settled(0) != 10 {
			t.Errorf("got %q and %d settled, want %q first and all of them", got, topic.Settled(0), want)
		}
	})
}

// [K3] [F4] A settlement that does not return gets a second, and is then cancelled and left behind.
func TestRevocationDoesNotWaitForASettlementThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan error, 1) // the first end of a call that hung
		r, topic, j, _ := revocationScenario(t, func(r *rig) {
			source := r.Source.(settleLog)
			began := time.Now()
			source.hold = func(ctx context.Context) error {
				if time.Since(began) > 11*time.Second {
					return nil
				}
				<-ctx.Done()
				select {
				case hangs <- context.Cause(ctx):
				default:
				}
				return context.Cause(ctx)
			}
			r.Policy.Settle.Retry.Timeout, r.Policy.Settle.Retry.Backoff = time.Hour, time.Second
			r.Source = source
		})
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		topic.Revoke(ctx)
		j.note(fmt.Sprintf("revoked at %d", topic.Settled(0)))
		if err := <-hangs; !errors.Is(err, capability.ErrStaleDelivery) {
			t.Errorf("the call was cancelled because of %v, want %v", err, capability.ErrStaleDelivery)
		}
		if err := r.wait(); err != nil {
			t.Error(err)
		}
		want := []string{"4s 6 is cancelled: " + capability.ErrStaleDelivery.Error(), "12s revoked at 0"}
		if got := j.all(); len(got) < 2 || !slices.Equal(got[:2], want) || topic.Settled(0) != 10 {
			t.Errorf("got %q and %d settled, want %q first and all of them", got, topic.Settled(0), want)
		}
	})
}

// [K5] Lost deliveries are cancelled at once, and nothing of them is settled.
func TestLostDeliveriesAreCancelledAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, topic, j, letters := revocationScenario(t, nil)
		topic.Lose()
		if n, _ := letters.CountTransactions(t.Context()); n != 0 {
			t.Errorf("got %d dead letters, want none: its turn has not come", n)
		}
		if err := r.wait(); err != nil {
			t.Error(err)
		}
		want := "4s 6 is cancelled: " + capability.ErrStaleDelivery.Error()
		if got := j.all(); len(got) < 2 || got[0] != want || topic.Settled(0) != 10 { // new deliveries may be settled in several batches
			t.Errorf("got %q and %d settled, want %q first and all of them", got, topic.Settled(0), want)
		}
	})
}

// slowFetch returns what it fetched only when it is let go.
type slowFetch struct {
	*memory.Reader

	gate chan struct{}
}

func (s slowFetch) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	txs, err := s.Reader.FetchTransactions(ctx, limit)
	if len(txs) > 0 {
		<-s.gate
	}
	return txs, err
}

// [K3] What a fetch brings that was in progress as its partition was revoked is neither run nor settled.
func TestRevocationFiltersTheFetchInProgress(t *testing.T) {
	for name, take := range map[string]func(*memory.Topic){
		"revoked": func(topic *memory.Topic) { topic.Revoke(context.Background()) },
		"lost":    func(topic *memory.Topic) { topic.Lose() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				r, topic, _ := newTopicRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
					j.note("process " + tx.ID())
					return nil, nil
				}}, 2)
				gate := make(chan struct{})
				r.Source = slowFetch{topic.NewReader(), gate}
				r.start(t.Context(), t)
				sleep(time.Second)
				take(topic)
				close(gate)
				if err := r.wait(); err != nil {
					t.Error(err)
				}
				j.want(t, "1s process 0", "1s process 1")
				if got := r.consumer.Snapshot(); got.Fetched != 2 || topic.Settled(0) != 2 {
					t.Errorf("got %d fetched and %d settled, want 2 of both", got.Fetched, topic.Settled(0))
				}
			})
		})
	}
}

// [K2] A requeue is held in its place, and settled in its turn.
func TestRequeueKeepsItsPlaceInThePartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := false
		r, _, j := newTopicRig(ergon.Task{
			Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				if tx.ID() == "1" && !failed {
					failed = true
					return nil, ergon.Business(errRefused)
				}
				return nil, nil
			},
			Exception: func(context.Context, ergon.Transaction, *ergon.TransactionError) (ergon.Disposition, error) {
				return ergon.Requeue(30 * time.Second), nil
			},
		}, 4)
		r.run(t)
		j.want(t, "0s settle [0]", "30s settle [1 2 3]")
	})
}

// [K2] Of a partition max_unsettled may wait behind one that has not ended: then fetching pauses.
func TestBlockedTransactionsPauseFetching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, topic, j := newTopicRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			sleep(20 * time.Millisecond)
			if tx.ID() == "0" {
				sleep(time.Minute)
			}
			return nil, nil
		}}, 50)
		r.Policy.Process = once(2 * time.Minute)
		r.Policy.Loop.Concurrency.Value, r.Policy.Loop.MaxUnsettled = 2, 7
		r.Policy.Loop.Batch.Size = 1
		r.start(t.Context(), t)
		sleep(30 * time.Second)
		synctest.Wait()
		if got := r.consumer.Snapshot(); got.Unsettled < 8 || got.Unsettled > 9 || topic.Settled(0) != 0 {
			t.Errorf("%d are unsettled and %d settled, want the first, 7 behind it and at most one more", got.Unsettled, topic.Settled(0))
		}
		if err := r.wait(); err != nil {
			t.Error(err)
		}
		if topic.Settled(0) != 50 {
			t.Errorf("%d are settled, want 50", topic.Settled(0))
		}
		if got := j.all(); len(got) == 0 || got[0] != "1m0.02s settle [0 1 2 3 4 5 6 7 8]" {
			t.Errorf("got %q", got)
		}
	})
}

// [K2] [P4] What a shutdown leaves above the position is not settled, and comes again.
func TestShutdownSettlesThePrefixOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, topic, j, letters := revocationScenario(t, nil)
		r.stop()
		if err := r.wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		if got := j.all(); !slices.Contains(got, "10.01s settle [0 1 2]") || topic.Settled(0) != 4 {
			t.Errorf("got %q and %d settled, want 0 to 3", got, topic.Settled(0))
		}
		if n, _ := letters.CountTransactions(t.Context()); n != 1 {
			t.Errorf("got %d dead letters, want one", n)
		}
		if err := r.Source.(settleLog).Close(t.Context()); err != nil {
			t.Error(err)
		}
		r.Source = settleLog{Reader: topic.NewReader(), journal: j}
		r.run(t)
		if topic.Settled(0) != 10 {
			t.Errorf("%d are settled in the end, want 10", topic.Settled(0))
		}
	})
}

// [K2] The engine sends again what was behind an item that failed, and the item itself.
func TestItemsBehindAFailedOneAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, topic, j := newTopicRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			sleep(time.Second)
			return nil, nil
		}}, 5)
		r.Policy.Loop.Concurrency.Value = 5
		source := r.Source.(settleLog)
		calls := 0
		r.Source = failingInOrder{settleLog: source, fail: func(batch []capability.Settlement) map[int]error {
			calls++
			if calls == 1 && len(batch) > 2 {
				return map[int]error{2: errRefused}
			}
			return nil
		}}
		r.Policy.Settle.Retry.Backoff = time.Second
		r.run(t)
		j.want(t, "1s settle [0 1]", "2s settle [2 3 4]")
		if topic.Settled(0) != 5 {
			t.Errorf("%d are settled, want 5", topic.Settled(0))
		}
	})
}

// failingInOrder fails the first of the items that it is told to, and has no effect behind it.
type failingInOrder struct {
	settleLog

	fail func(batch []capability.Settlement) map[int]error
}

func (f failingInOrder) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	failures := f.fail(batch)
	for i := range batch {
		if failures[i] != nil {
			batch = batch[:i]
			break
		}
	}
	if err := f.settleLog.SettleTransactions(ctx, batch); err != nil {
		return err
	}
	if len(failures) > 0 {
		return &ergon.BatchError{Failures: failures}
	}
	return nil
}

// [K2] [S4] A source that can never be told of a transaction stops the loop, and nothing behind it is settled.
func TestSettlementThatFailsForGoodStopsTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, topic, _ := newTopicRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, 5)
		r.Source = failingInOrder{settleLog: r.Source.(settleLog), fail: func(batch []capability.Settlement) map[int]error {
			for i, s := range batch {
				if s.Transaction.ID() == "2" {
					return map[int]error{i: ergon.Permanent(errRefused)}
				}
			}
			return nil
		}}
		r.start(t.Context(), t)
		if err := r.wait(); !errors.Is(err, pipeline.ErrUnsettled) || topic.Settled(0) != 2 {
			t.Errorf("got %v and %d settled, want ErrUnsettled and 2", err, topic.Settled(0))
		}
	})
}
