package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

const (
	lease = 40 * time.Second
	// What is held is extended four times per lease.
	tick = lease / 4
)

// withLeases gives a rig a source whose deliveries expire, with these faults.
func (r *rig) withLeases(j *journal, txs []ergon.Transaction, faults ...memory.Fault) {
	q := memory.NewLeased(memory.Settings{Transactions: txs, Finite: true, Record: true}, lease)
	r.Queue = q.Queue
	r.Source = spyOnLeases(memory.WithLeaseFaults(q, faults...), j)
}

// wantOutcomes wants exactly these, and the run to have ended without an error.
func (r *rig) wantOutcomes(t *testing.T, want map[pipeline.Outcome]int64) {
	t.Helper()
	if diff := cmp.Diff(want, r.consumer.Snapshot().Outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// [S5, R5] a is processed and backs off; b has its slot meanwhile and is settled at length; a is processed again and settled as
// well: each takes more than its lease, and both are held all the time.
func TestLeasesAreExtendedFromFetchToSettlement(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j, handled := newJournal(), newJournal()
		logs := &logBuffer{}
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			handled.note(fmt.Sprintf("%s, delivery %d", tx.ID(), tx.Delivery().Count))
			if tx.ID() == "a" && len(handled.entries) == 1 {
				return nil, errRefused
			}
			time.Sleep(35 * time.Second)
			return nil, nil
		}})
		r.withLeases(j, transactionsOf("a", "b"), memory.Stall(memory.OnSettle, 50*time.Second).Always())
		r.Logger = logs.logger(slog.LevelWarn)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Batch.Prefetch = 1
		r.Policy.Process = retrying(2, lease, 50*time.Second)
		r.Policy.Settle.Retry = once(time.Minute).Retry
		r.run(t)

		handled.want(t, "0s a, delivery 1", "0s b, delivery 1", "50s a, delivery 1")
		want := []string{"0s fetch 2: a b"}
		for at := tick; at < 135*time.Second; at += tick {
			held := 2
			if at > 85*time.Second { // b was settled from 35s to 1m25s, a until 2m15s
				held = 1
			}
			want = append(want, fmt.Sprintf("%s extend %d", at, held))
			if at == 80*time.Second {
				want = append(want, "1m25s settle a ack")
			}
			if at == 30*time.Second {
				want = append(want, "35s settle b ack")
			}
		}
		got := withoutEmptyFetches(j)
		if diff := cmp.Diff(withoutEmptyFetches(&journal{entries: want}), got); diff != "" {
			t.Errorf("what happened (-want +got):\n%s", diff)
		}
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 2})
		logs.wantMessages(t, slog.LevelWarn)
	})
}

// [S5] However many deliveries are held, in however many calls they are extended: none of them is lost.
func TestLeasesOfMoreThanOneSettleBatchAreExtended(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		const n, size = 7, 2
		j, ids := newJournal(), numbered(n)
		r := newRig(ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			select {
			case <-time.After(35 * time.Second):
				return nil, errRefused // longer than its lease in all
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}})
		r.withLeases(j, transactionsOf(ids...))
		r.Policy.Loop.Execution, r.Policy.Loop.Concurrency.Value, r.Policy.Settle.Size = execution, n, size
		r.Policy.Loop.Batch.Size = n
		r.Policy.Process = retrying(3, lease, 0)
		r.run(t)
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.DeadLettered: n})
		calls := 0
		for _, entry := range j.all() {
			if strings.HasPrefix(entry, tick.String()+" extend ") {
				calls++
			}
		}
		if calls != (n+size-1)/size {
			t.Errorf("the first tick has %d extensions, want %d:\n%s", calls, (n+size-1)/size, strings.Join(j.all(), "\n"))
		}
	})
}

// [S5, S3] The source says that it has taken the delivery back: the handler is cancelled at once and learns why, what it
// returns is not heard, nobody settles, and the log has one warning.
func TestLostLeaseCancelsTheHandlerAndFencesItsResult(t *testing.T) {
	for name, result := range map[string]error{"that succeeds": nil, "that fails": errRefused} {
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				handled, logs := newJournal(), &logBuffer{}
				r := newRig(neverHandled(t, ergon.Task{
					Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
						handled.note(fmt.Sprintf("delivery %d", tx.Delivery().Count))
						if tx.Delivery().Count > 1 {
							return nil, nil
						}
						<-ctx.Done()
						if !errors.Is(context.Cause(ctx), capability.ErrStaleDelivery) || !errors.Is(ctx.Err(), context.Canceled) {
							t.Errorf("the context ended with %v, cause %v", ctx.Err(), context.Cause(ctx))
						}
						handled.note("cancelled")
						return nil, result
					},
					Success: func(_ context.Context, tx ergon.Transaction, _ any) error {
						handled.note(fmt.Sprintf("success %d", tx.Delivery().Count))
						return nil
					},
				}))
				r.withLeases(newJournal(), transactionsOf("a"), memory.DropDelivery(memory.OnExtend))
				r.Logger = logs.logger(slog.LevelInfo)
				r.Policy.Loop.Execution = execution
				r.run(t)
				handled.want(t, "0s delivery 1", "10s cancelled", "10s delivery 2", "10s success 2")
				r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Redelivered: 1, pipeline.Succeeded: 1})
				if got := settlementsText(r.Queue.Settlements()); got != "a ack" {
					t.Errorf("got settlements %q, want that of the second delivery", got)
				}
				logs.wantMessages(t, slog.LevelInfo, "lease lost; the handler is cancelled and its result discarded")
			})
		})
	}
}

// slowToAnswer has taken a settlement long before it says so.
type slowToAnswer struct{ leasedSource }

func (s slowToAnswer) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	err := s.leasedSource.SettleTransactions(ctx, batch)
	time.Sleep(lease)
	return err
}

// [S5, O3] A source that was told has no lease to extend any more. Nothing is lost by that, and no warning says so.
func TestExtensionThatComesAfterItsSettlementLosesNothing(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		logs := &logBuffer{}
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
		r.withLeases(newJournal(), transactionsOf("a"))
		source, ok := r.Source.(leasedSource)
		if !ok {
			t.Fatal("the source keeps no leases")
		}
		r.Source = slowToAnswer{source}
		r.Logger = logs.logger(slog.LevelInfo)
		r.Policy.Loop.Execution = execution
		r.Policy.Settle.Retry = once(time.Minute).Retry
		r.run(t)
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 1})
		logs.wantMessages(t, slog.LevelInfo)
	})
}

// [S5, T1] A handler that ignores that it was cancelled is given up at its deadline; what it returned would not count anyway.
func TestLostLeaseOfAHandlerThatIgnoresIt(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newRig(neverHandled(t, ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			if tx.Delivery().Count == 1 {
				time.Sleep(time.Hour)
			}
			return nil, nil
		}}))
		j := newJournal()
		r.withLeases(newJournal(), transactionsOf("a"), memory.DropDelivery(memory.OnExtend))
		r.OnEnd = func(result pipeline.Result) { j.note(result.Outcome.String()) }
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Headroom = 2
		r.Policy.Process = retrying(3, 30*time.Second, 0)
		r.run(t)
		j.want(t, "30s redelivered", "30s succeeded")
		if got := settlementsText(r.Queue.Settlements()); got != "a ack" {
			t.Errorf("got settlements %q, want that of the second delivery", got)
		}
		time.Sleep(time.Hour)
	})
}

// [S5, R5] A delivery that was lost while it waited is not begun, one that was lost in a backoff is not tried again: it ends at
// once, and not when the backoff would.
func TestLostLeaseOfWhatDoesNotRun(t *testing.T) {
	t.Run("waiting", func(t *testing.T) {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			handled := newJournal()
			r := newRig(neverHandled(t, ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				handled.note(fmt.Sprintf("%s, delivery %d", tx.ID(), tx.Delivery().Count))
				time.Sleep(20 * time.Second)
				return nil, nil
			}}))
			r.withLeases(newJournal(), transactionsOf("a", "b"), memory.DropDelivery(memory.OnExtend).For("b"))
			r.Policy.Loop.Execution = execution
			r.Policy.Loop.Batch.Prefetch = 1
			r.run(t)
			handled.want(t, "0s a, delivery 1", "20s b, delivery 2")
			r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Redelivered: 1, pipeline.Succeeded: 2})
		})
	})
	t.Run("in a backoff", func(t *testing.T) {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			handled := newJournal()
			r := newRig(neverHandled(t, ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
				handled.note(fmt.Sprintf("delivery %d", tx.Delivery().Count))
				if tx.Delivery().Count == 1 {
					return nil, errRefused
				}
				return nil, nil
			}}))
			r.withLeases(newJournal(), transactionsOf("a"), memory.DropDelivery(memory.OnExtend))
			r.Policy.Loop.Execution = execution
			r.Policy.Process = retrying(2, time.Second, 15*time.Second)
			r.run(t)
			handled.want(t, "0s delivery 1", "10s delivery 2")
			r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Redelivered: 1, pipeline.Succeeded: 1})
		})
	})
}

// [S5] Extensions may fail for as long as the lease lasts: what is in flight is kept until its very end.
func TestLeaseIsKeptWhileExtensionsFailUntilItRunsOut(t *testing.T) {
	unreachable := memory.Fail(memory.OnExtend, nil)
	silent := memory.Stall(memory.OnExtend, memory.Forever)
	kept := []string{"15s attempt timeout", "30s attempt timeout", "45s attempt timeout", "45s success"}
	lost := []string{"15s attempt timeout", "30s attempt timeout", "40s " + capability.ErrStaleDelivery.Error()}
	for _, test := range []struct {
		name  string
		fault memory.Fault
		want  []string
	}{
		{"two failures", unreachable.Times(2), kept},
		{"failures until the end", unreachable.Times(4), lost},
		{"no answer twice", silent.Times(2), kept},
		{"no answer until the end", silent.Times(4), lost},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				handled := newJournal()
				r := newRig(neverHandled(t, ergon.Task{
					Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
						if tx.Delivery().Count > 1 || len(handled.entries) == 3 {
							return nil, nil
						}
						<-ctx.Done()
						handled.note(context.Cause(ctx).Error())
						return nil, ctx.Err()
					},
					Success: func(_ context.Context, tx ergon.Transaction, _ any) error {
						if tx.Delivery().Count == 1 {
							handled.note("success")
						}
						return nil
					},
				}))
				r.withLeases(newJournal(), transactionsOf("a"), test.fault)
				r.Policy.Loop.Execution = execution
				r.Policy.Process = retrying(4, 15*time.Second, 0)
				r.run(t)
				handled.want(t, test.want...)
			})
		})
	}
}

// [S5] The end of a lease does not wait for the next extension: a delivery that nobody extends is given up when it is over.
func TestLeaseThatRunsOutBetweenExtensionsIsLostOnTime(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		handled := newJournal()
		r := newRig(neverHandled(t, ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			handled.note("start " + tx.ID())
			if tx.ID() == "first" {
				time.Sleep(3 * time.Second)
				return nil, nil
			}
			if tx.Delivery().Count == 1 {
				<-ctx.Done()
				handled.note("lost")
			}
			return nil, nil
		}}))
		r.withLeases(newJournal(), transactionsOf("first", "a"), memory.Fail(memory.OnExtend, nil).Times(4))
		r.Policy.Loop.Execution = execution
		r.Policy.Process = once(lease + 1) // which is later than the end of the lease
		r.run(t)
		handled.want(t, "0s start first", "3s start a", "43s lost", "43s start a")
	})
}

// [S5] A fetch may wait longer for work than a lease lasts: the lease began when the work came. The first extensions fail,
// so that the ends of leases are looked at between two extensions from then on.
func TestLeaseOfAFetchThatWaitedLong(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		handled := newJournal()
		r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			handled.note(fmt.Sprintf("%s, delivery %d", tx.ID(), tx.Delivery().Count))
			time.Sleep(map[string]time.Duration{"a": 3 * time.Second, "b": 38 * time.Second, "c": 20 * time.Second}[tx.ID()])
			return nil, context.Cause(ctx)
		}})
		q := memory.NewLeased(memory.Settings{Transactions: transactionsOf("a", "b"), MaxWait: 3 * lease}, lease)
		r.Source = memory.WithLeaseFaults(q, memory.Fail(memory.OnExtend, nil).Times(4))
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Limit = 3
		r.Policy.Fetch.Retry = once(4 * lease).Retry
		r.Policy.Process = once(lease)
		time.AfterFunc(82*time.Second, func() {
			if err := q.DispatchTransactions(t.Context(), transactionsOf("c")); err != nil {
				t.Errorf("dispatching: %v", err)
			}
		})
		r.run(t)
		handled.want(t, "0s a, delivery 1", "3s b, delivery 1", "1m22s c, delivery 1")
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 3})
	})
}

// [S5] Deliveries that were lost on their way here are found out and given up.
func TestLeaseThatRanOutBeforeTheFetchEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(neverHandled(t, ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			if tx.Delivery().Count == 1 {
				<-ctx.Done()
			}
			return nil, nil
		}}))
		r.withLeases(newJournal(), transactionsOf("a"), memory.Stall(memory.OnFetch, 2*lease).For("a").IgnoringContext())
		r.Policy.Fetch.Retry = once(4 * lease).Retry
		r.run(t)
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Redelivered: 1, pipeline.Succeeded: 1})
		if got := settlementsText(r.Queue.Settlements()); got != "a ack" {
			t.Errorf("got settlements %q, want that of the second delivery", got)
		}
	})
}
