package pipeline_test

import (
	"context"
	"errors"
	"fmt"
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

// timed is a task whose transactions take what their payloads say, a time.Duration each.
func timed() ergon.Task {
	return ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
		time.Sleep(tx.Payload().(time.Duration))
		return nil, nil
	}}
}

// newTimedRig makes a loop that runs all of its transactions at once; "0", "1" … take that long.
func newTimedRig(takes ...time.Duration) *rig {
	r := newRig(timed())
	txs := make([]ergon.Transaction, len(takes))
	for i, d := range takes {
		txs[i] = ergon.NewTransaction(fmt.Sprint(i), d)
	}
	r.Queue = memory.New(memory.Settings{Transactions: txs, Finite: true, Record: true})
	r.Source = r.Queue
	r.Policy.Loop.Concurrency.Value = len(takes)
	r.Policy.Loop.TransactionTimeout = 0
	r.Policy.Process = once(24 * time.Hour)
	return r
}

func seconds(n ...float64) []time.Duration {
	all := make([]time.Duration, len(n))
	for i := range n {
		all[i] = time.Duration(n[i] * float64(time.Second))
	}
	return all
}

// [S4]
func TestSettlementsAreSentOnceThereAreEnough(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newTimedRig(seconds(1, 2, 3, 4, 5, 6, 7, 3600)...)
		r.spyOnSettlements(j)
		r.Policy.Loop.Execution = execution
		r.Policy.Settle.Size, r.Policy.Settle.Interval = 3, 30*time.Minute
		r.run(t)
		j.want(t,
			"3s settle 0 ack, 1 ack, 2 ack",
			"6s settle 3 ack, 4 ack, 5 ack",
			"30m7s settle 6 ack",
			"1h0m0s settle 7 ack",
		)
	})
}

// [S4] The first to wait decides when: what ends up to then goes along, what ends later waits anew.
func TestSettlementsWaitForOthersForTheIntervalAtMost(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newTimedRig(seconds(1, 1.003, 1.004999, 1.005001, 3600)...)
		r.spyOnSettlements(j)
		r.Policy.Loop.Execution = execution
		r.run(t)
		j.want(t,
			"1.005s settle 0 ack, 1 ack, 2 ack",
			"1.010001s settle 3 ack",
			"1h0m0s settle 4 ack",
		)
	})
}

// [S4] Where nothing else is in flight there is nobody to wait for.
func TestLastSettlementDoesNotWait(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newTimedRig(seconds(1, 2)...)
		r.spyOnSettlements(j)
		r.Policy.Loop.Execution = execution
		r.Policy.Settle.Interval = time.Hour
		r.run(t)
		j.note("end")
		j.want(t, "2s settle 0 ack, 1 ack", "2s end")
	})
}

// [S4] More than a batch waits: it is sent in parts of the policy's size.
func TestSettlementsAreSentInPartsOfTheSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTimedRig(make([]time.Duration, 10)...)
		var sizes []int
		r.Source = struct {
			ergon.Fetcher
			capability.Settler
		}{r.Queue, settleFunc(func(ctx context.Context, batch []capability.Settlement) error {
			sizes = append(sizes, len(batch))
			time.Sleep(time.Second)
			return r.Queue.SettleTransactions(ctx, batch)
		})}
		r.Policy.Settle.Size = 4
		r.run(t)
		total := 0
		for _, size := range sizes {
			total += size
		}
		if slices.Max(sizes) > 4 || total != 10 {
			t.Errorf("got batches of %v, want 10 settlements in batches of 4 at most", sizes)
		}
	})
}

type settleFunc func(ctx context.Context, batch []capability.Settlement) error

var _ capability.Settler = settleFunc(nil)

// SettleTransactions calls f.
func (f settleFunc) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	return f(ctx, batch)
}

// [S4]
func TestRunReturnsAfterEverythingIsSettled(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newTimedRig(seconds(1, 2, 3)...)
		r.Source = memory.WithFaults(r.Queue, memory.Stall(memory.OnSettle, 20*time.Second).Always())
		r.Policy.Loop.Execution = execution
		r.run(t)
		j.note("end")
		j.want(t, "41.005s end") // 0 from 1.005 s to 21.005 s, then 1 and 2 together
		if got := r.Queue.InFlight(); got != 0 {
			t.Errorf("%d transactions are not settled", got)
		}
	})
}

// [S4]
func TestOnlyTheSettlementsThatFailedAreSentAgain(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a", "b", "c", "d")
		faulty := memory.WithFaults(r.Queue,
			memory.Fail(memory.OnSettle, nil).For("b", "d"), memory.Fail(memory.OnSettle, nil).For("d").At(2))
		r.Source = &spy{settlingSource: faulty, journal: j}
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Mode = policy.ModeBatch
		r.Policy.Loop.Limit = 4
		r.run(t)
		j.want(t,
			"0s fetch 4: a b c d",
			"0s settle a ack, b ack, c ack, d ack",
			"200ms settle b ack, d ack",
			"600ms settle d ack",
		)
		if got := len(r.Queue.Settlements()); got != 4 {
			t.Errorf("%d settlements took effect, want each once", got)
		}
	})
}

// [S4] A delivery that is stale is none of the engine's: it is not settled again, while the others are.
func TestStaleSettlementIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a", "b", "c")
		faulty := memory.WithFaults(r.Queue, memory.DropDelivery(memory.OnSettle).For("a"), memory.Fail(memory.OnSettle, nil).For("b"))
		r.Source = &spy{settlingSource: faulty, journal: j}
		r.Policy.Loop.Mode = policy.ModeBatch
		r.Policy.Loop.Limit = 3
		r.run(t)
		j.want(t, "0s fetch 3: a b c", "0s settle a ack, b ack, c ack", "200ms settle b ack")
	})
}

// [S4] What cannot be settled is left to the source, and the loop says so.
func TestSettlementsThatFailForGoodFailTheLoop(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		broken := errors.New("connection refused")
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, numbered(8)...)
		r.Source = memory.WithFaults(r.Queue, memory.Fail(memory.OnSettle, broken).Always())
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Value = 8 // so that all are fetched before the loop sees that it is no use
		r.Policy.Loop.Limit = 8
		r.Policy.Settle.Retry = once(time.Second).Retry
		r.start(t.Context(), t)
		err := r.wait()
		if !errors.Is(err, pipeline.ErrUnsettled) || !errors.Is(err, broken) {
			t.Fatalf("got error %v, want ErrUnsettled and its cause", err)
		}
		if text := err.Error(); !strings.Contains(text, "8 of them, the first: transaction ") {
			t.Errorf("got error %q, want how many there are and the first", text)
		}
		if got := r.consumer.Snapshot().Outcomes[pipeline.Redelivered]; got != 8 {
			t.Errorf("got %d redelivered, want 8", got)
		}
		if got := r.Queue.InFlight(); got != 8 {
			t.Errorf("the source holds %d transactions in flight, want all 8", got)
		}
	})
}

// [S4, T1] A source that does not answer is given up at the settle policy's timeout, whether it heeds its context or not.
// Its late answer is not heard: the retry has settled already.
func TestSettlementThatIsNotAnsweredInTimeIsSentAgain(t *testing.T) {
	stalled := memory.Stall(memory.OnSettle, time.Hour)
	for name, fault := range map[string]memory.Fault{"heeds its context": stalled, "ignores its context": stalled.IgnoringContext()} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				j := newJournal()
				r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, "a")
				r.Source = &spy{settlingSource: memory.WithFaults(r.Queue, fault), journal: j}
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.Limit = 1
				r.run(t)
				j.want(t, "0s fetch 1: a", "0s settle a ack", "30.2s settle a ack")
				time.Sleep(2 * time.Hour)
				if got := settlementsText(r.Queue.Settlements()); got != "a ack" {
					t.Errorf("got settlements %q, want one", got)
				}
			})
		})
	}
}
