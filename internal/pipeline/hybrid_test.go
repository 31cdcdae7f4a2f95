package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// splits makes a hybrid task's Process that makes n outbound transactions of each inbound one.
func splits(n int) func(context.Context, ergon.Transaction) (any, error) {
	return func(context.Context, ergon.Transaction) (any, error) {
		outbound := make([]ergon.Transaction, n)
		for i := range outbound {
			outbound[i] = ergon.NewTransaction("", i)
		}
		return outbound, nil
	}
}

// newHybridRig makes a loop of a hybrid task, with exact delays.
func newHybridRig(n int, prepare func(context.Context, ergon.Transaction) error, ids ...string) *rig {
	r := newRig(ergon.Task{Process: splits(n), Prepare: prepare}, ids...)
	r.Producer = exactProducer()
	r.Producer.Loop.Concurrency.Value = 16
	return r
}

// [B3] The inbound transaction is acknowledged after all that came out of it is prepared; what was prepared is the result.
func TestInboundIsAcknowledgedAfterAllOutboundArePrepared(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newHybridRig(2, func(_ context.Context, tx ergon.Transaction) error {
			sleep(time.Second)
			j.note("prepared " + tx.ID())
			return nil
		}, "a", "b")
		r.Policy.Loop.Execution = execution
		r.Producer.Loop.Concurrency.Value = 1
		r.Handlers.Success = func(_ context.Context, _ ergon.Transaction, result any) error {
			j.note("success of " + idsOf(result.([]ergon.Transaction)))
			return nil
		}
		r.Policy.Settle.Size = 1
		r.spyOnSettlements(j)
		r.run(t)
		j.want(t, "1s prepared a/0", "2s prepared a/1", "2s success of a/0 a/1", "2s settle a ack",
			"3s prepared b/0", "4s prepared b/1", "4s success of b/0 b/1", "4s settle b ack")
		if s := r.consumer.Snapshot(); s.Produced != 4 || s.Phases[policy.PhasePrepare].Count != 4 || s.Phases[policy.PhaseSuccess].Count != 2 {
			t.Errorf("got %+v, want 4 produced in 4 attempts", s)
		}
	})
}

// [B3] Each has retries and hard timeouts of its own; nothing else is done again for it.
func TestEachOutboundIsRetriedByItself(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j, calls := newJournal(), newTally()
		r := newHybridRig(3, func(_ context.Context, tx ergon.Transaction) error {
			n := calls.add(tx.ID())
			j.note(tx.ID())
			switch {
			case tx.ID() == "a/1" && n == 1:
				return errScripted
			case tx.ID() == "a/2" && n == 1:
				sleep(time.Minute) // heeds nothing
			}
			return nil
		}, "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Headroom = 10
		r.Producer.Loop.Concurrency.Value = 1
		r.Producer.Prepare = retrying(2, 5*time.Second, time.Second)
		processed := newTally()
		split := r.Handlers.Process
		r.Handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			processed.add(tx.ID())
			return split(ctx, tx)
		}
		r.run(t)
		j.want(t, "0s a/0", "0s a/1", "1s a/1", "1s a/2", "7s a/2")
		if processed.n["a"] != 1 || r.resultOf(t, "a").Outcome != pipeline.Succeeded {
			t.Errorf("processed %d times, to %s; want once, to success", processed.n["a"], r.resultOf(t, "a").Outcome)
		}
		s := r.consumer.Snapshot()
		if s.Retries != 2 || s.Timeouts != 1 || s.Abandoned != 1 {
			t.Errorf("got %d retries, %d timeouts and %d abandoned, want 2, 1 and 1", s.Retries, s.Timeouts, s.Abandoned)
		}
		sleep(time.Minute)
		if s := r.consumer.Snapshot(); s.Abandoned != 0 || s.Late != 1 {
			t.Errorf("later on %d are abandoned and %d late, want 0 and 1", s.Abandoned, s.Late)
		}
	})
}

// [B3] One that fails permanently sends the inbound transaction to its exception handler, with what the attempts of that one came to.
func TestOutboundThatFailsForGoodFailsItsInboundInPhasePrepare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			err  func() error
			want string
		}{
			"system":    {func() error { return errScripted }, "prepare: SYSTEM: outbound transaction a/1: scripted failure (after 3 attempts)"},
			"business":  {func() error { return ergon.Business(errScripted) }, "prepare: BUSINESS: outbound transaction a/1: scripted failure"},
			"permanent": {func() error { return ergon.Permanent(errScripted) }, "prepare: SYSTEM: outbound transaction a/1: scripted failure"},
			"panic":     {func() error { panic("broken") }, "prepare: SYSTEM: outbound transaction a/1: panic: broken (after 3 attempts)"},
		} {
			prepared, told := newTally(), ""
			r := newHybridRig(4, func(_ context.Context, tx ergon.Transaction) error {
				if tx.ID() == "a/1" {
					return c.err()
				}
				prepared.add(tx.ID())
				return nil
			}, "a")
			r.Producer.Loop.Concurrency.Value = 1
			r.Handlers.PrepareException = func(_ context.Context, tx ergon.Transaction, cause *ergon.TransactionError) error {
				prepared.add("exception " + tx.ID() + " " + string(cause.Phase) + " " + cause.TransactionID)
				return nil
			}
			r.Handlers.Exception = func(_ context.Context, _ ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
				told = cause.Error()
				if cause.Phase != policy.PhasePrepare || cause.TransactionID != "a" || (name == "panic") != (cause.Stack != nil) {
					t.Errorf("%s: the exception handler was told %+v", name, cause)
				}
				return ergon.Disposition{}, nil
			}
			r.run(t)
			if told != c.want {
				t.Errorf("%s: the exception handler was told\n%s\nwant\n%s", name, told, c.want)
			}
			if diff := cmp.Diff(map[string]int{"a/0": 1, "exception a/1 prepare a/1": 1}, prepared.n); diff != "" {
				t.Errorf("%s: prepared and handled (-want +got):\n%s", name, diff)
			}
			if got := r.resultOf(t, "a"); got.Outcome != pipeline.DeadLettered {
				t.Errorf("%s: it came to %s, want dead_lettered", name, got.Outcome)
			}
		}
	})
}

// [B3] As many are prepared at once as the producer policy says, by all inbound transactions together.
func TestOutboundArePreparedWithTheProducersConcurrencyAndThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		began := time.Now()
		r := newHybridRig(10, func(context.Context, ergon.Transaction) error {
			most.Store(max(most.Load(), now.Add(1)))
			sleep(time.Second)
			now.Add(-1)
			return nil
		}, numbered(6)...)
		r.Policy.Loop.Concurrency.Value, r.Producer.Loop.Concurrency.Value = 3, 5
		r.run(t)
		if took := time.Since(began); most.Load() != 5 || took != 12*time.Second {
			t.Errorf("at most %d at once, in %s; want 5, in 12s", most.Load(), took)
		}

		began = time.Now()
		r = newHybridRig(10, func(context.Context, ergon.Transaction) error { return nil }, "a", "b")
		r.Producer.Loop.Throttle = policy.Throttle{Rate: 10, Burst: 5}
		r.run(t)
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("20 with 10 a second and 5 at once took %s, want 1.5s", took)
		}
	})
}

// [B3, T3] The inbound transaction's timeout bounds what comes out of it, with its backoffs and its wait for the throttle; an
// outbound transaction's own is shorter, if anything.
func TestTransactionTimeoutBoundsPreparing(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		for name, c := range map[string]struct {
			change func(*rig)
			at     time.Duration
			want   string
		}{
			"attempt": {func(*rig) {}, 10 * time.Second, "prepare: TIMEOUT: transaction timeout of 10s"},
			"throttle": {func(r *rig) {
				r.Producer.Loop.Throttle = policy.Throttle{Rate: 0.001, Burst: 1}
				r.Producer.Loop.Concurrency.Value = 1 // so that the first one gets the one that is free
				r.Handlers.Prepare = func(context.Context, ergon.Transaction) error { return nil }
				r.Handlers.Process = splits(2)
			}, 0, "prepare: TIMEOUT: outbound transaction a/1: transaction timeout: the throttle leaves no room for it"},
			"outbound": {
				func(r *rig) {
					r.Producer.Loop.TransactionTimeout, r.Producer.Prepare = 4*time.Second, retrying(5, 3*time.Second, 0)
				}, 4 * time.Second,
				"prepare: TIMEOUT: outbound transaction a/0: transaction timeout of 4s (after 2 attempts)",
			},
		} {
			j, told := newJournal(), ""
			r := newHybridRig(1, func(ctx context.Context, _ ergon.Transaction) error {
				<-ctx.Done()
				return ctx.Err()
			}, "a")
			r.Policy.Loop.Execution = execution
			r.Policy.Loop.TransactionTimeout, r.Policy.Process = 10*time.Second, once(time.Second)
			r.Producer.Prepare = once(time.Minute)
			r.Producer.Loop.TransactionTimeout = 0
			c.change(r)
			r.Handlers.Exception = func(_ context.Context, _ ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
				told = cause.Error()
				j.note("exception")
				return ergon.Discard(), nil
			}
			r.run(t)
			j.want(t, c.at.String()+" exception")
			if told != c.want {
				t.Errorf("%s: the exception handler was told\n%s\nwant\n%s", name, told, c.want)
			}
			if s := r.consumer.Snapshot(); s.Abandoned != 0 {
				t.Errorf("%s: %d are abandoned, want none", name, s.Abandoned)
			}
		}
	})
}

// [B3, T2] Handlers of outbound transactions that never return use up the headroom like any other.
func TestStuckPreparingUsesUpTheHeadroom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, release := &logBuffer{}, make(chan struct{})
		r := newHybridRig(1, func(context.Context, ergon.Transaction) error {
			<-release
			return nil
		}, numbered(10)...)
		r.Logger = log.logger(slog.LevelWarn)
		r.Policy.Loop.Concurrency.Headroom = 3
		r.Producer.Prepare = once(time.Second)
		r.start(t.Context(), t)
		if err := r.wait(); !errors.Is(err, pipeline.ErrHeadroom) {
			t.Errorf("got %v, want ErrHeadroom", err)
		}
		if s := r.consumer.Snapshot(); s.Abandoned != 3 || s.Outcomes[pipeline.DeadLettered] != 3 {
			t.Errorf("%d are abandoned, and outcomes %v, want 3 of both", s.Abandoned, s.Outcomes)
		}
		if !strings.Contains(log.String(), "attempt to prepare given up, and its handler has not returned since") {
			t.Errorf("nothing in the log says so:\n%s", log)
		}
		close(release)
	})
}

// [B3, R1, P4] A backoff of an outbound transaction does not hold up a shutdown; an attempt that runs has the grace.
func TestShutdownReleasesInboundWhoseOutboundIsInABackoff(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newHybridRig(1, func(_ context.Context, tx ergon.Transaction) error {
			switch tx.ID() {
			case "backoff/0":
				return errScripted
			case "fails/0":
				sleep(4 * time.Second)
				return errScripted
			case "refused/0":
				sleep(4 * time.Second)
				return ergon.Business(errScripted)
			default:
				sleep(4 * time.Second)
				return nil
			}
		}, "backoff", "fails", "refused", "runs")
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Value, r.Policy.Settle.Size = 4, 1
		r.Producer.Prepare = retrying(3, 10*time.Second, time.Hour)
		r.Policy.Loop.TransactionTimeout, r.Producer.Loop.TransactionTimeout = 0, 0
		r.spyOnSettlements(j)
		ctx, cancel := context.WithCancelCause(t.Context())
		r.start(ctx, t)
		sleep(time.Second)
		cancel(ergon.ErrInterrupted)
		if err := r.wait(); !errors.Is(err, ergon.ErrInterrupted) {
			t.Errorf("got %v", err)
		}
		got := j.all()
		slices.Sort(got)
		want := []string{
			"1s settle backoff requeue interrupted", "4s settle fails requeue interrupted", "4s settle refused reject", "4s settle runs ack",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("settlements (-want +got):\n%s", diff)
		}
	})
}

// [B3] Handlers of outbound transactions have policies of their own; a success handler that fails permanently fails the inbound one.
func TestOutboundHandlersRunByTheProducerPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r := newHybridRig(1, func(_ context.Context, tx ergon.Transaction) error {
			j.note("prepare " + tx.ID())
			return nil
		}, "a")
		r.Handlers.PrepareSuccess = func(_ context.Context, tx ergon.Transaction) error {
			j.note("success " + tx.ID())
			return errScripted
		}
		r.Handlers.PrepareException = func(_ context.Context, tx ergon.Transaction, cause *ergon.TransactionError) error {
			j.note("exception " + tx.ID() + " of " + string(cause.Phase))
			return errScripted
		}
		r.Producer.Success, r.Producer.Exception = retrying(2, time.Second, time.Second), retrying(2, time.Second, 5*time.Second)
		r.run(t)
		j.want(t, "0s prepare a/0", "0s success a/0", "1s success a/0", "1s exception a/0 of success", "6s exception a/0 of success")
		got := r.resultOf(t, "a").Err.Error()
		if !strings.HasPrefix(got, "prepare: SYSTEM: outbound transaction a/0: success: scripted failure") {
			t.Errorf("got %s", got)
		}
	})
}

func TestHybridThatMakesNothingIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHybridRig(0, func(context.Context, ergon.Transaction) error { return errScripted }, "a")
		r.run(t)
		if got := r.resultOf(t, "a").Outcome; got != pipeline.Succeeded {
			t.Errorf("it came to %s, want success", got)
		}
	})
}

// [B3]
func TestResultThatIsNoOutboundTransactionsFailsInPhasePrepare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHybridRig(0, func(context.Context, ergon.Transaction) error { return nil }, "a")
		r.Handlers.Process = func(context.Context, ergon.Transaction) (any, error) { return "done", nil }
		r.run(t)
		want := "prepare: SYSTEM: result of processing is a string, but a hybrid task returns its outbound transactions: a []ergon.Transaction"
		if got := r.resultOf(t, "a").Err; got == nil || got.Error() != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}

// [S5, B3] A lost lease cancels what is being prepared, and nothing is settled.
func TestLostLeaseCancelsPreparing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cancelled := newTally()
		r := newHybridRig(2, func(ctx context.Context, _ ergon.Transaction) error {
			<-ctx.Done()
			cancelled.add(context.Cause(ctx).Error())
			return ctx.Err()
		}, "a")
		leased := memory.NewLeased(memory.Settings{Transactions: transactionsOf("a"), Finite: true}, 20*time.Second)
		r.Source = memory.WithLeaseFaults(leased, memory.Fail(memory.OnExtend, nil).Always())
		r.Policy.Loop.Limit = 1
		for _, retry := range []*policy.Retry{
			&r.Policy.Process.Retry, &r.Policy.Success.Retry, &r.Policy.Exception.Retry,
		} {
			retry.Timeout = 20 * time.Second
		}
		r.Producer.Prepare = retrying(10, 15*time.Second, 0)
		r.run(t)
		synctest.Wait()
		if got := r.resultOf(t, "a").Outcome; got != pipeline.Redelivered {
			t.Errorf("it came to %s, want redelivered", got)
		}
		if cancelled.n[capability.ErrStaleDelivery.Error()] != 2 {
			t.Errorf("cancelled by %v, want both by the stale delivery", cancelled.n)
		}
	})
}

// [E5, B3] One given transaction goes all the way: what comes out of it is prepared.
func TestOneTransactionOfAHybridIsPreparedToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prepared := newTally()
		r := newHybridRig(2, func(_ context.Context, tx ergon.Transaction) error {
			prepared.add(tx.ID())
			return nil
		})
		result, s, err := pipeline.Process(t.Context(), r.Settings, ergon.NewTransaction("one", nil))
		made, _ := result.Value.([]ergon.Transaction)
		if err != nil || result.Outcome != pipeline.Succeeded || idsOf(made) != "one/0 one/1" || s.Produced != 2 {
			t.Errorf("got %+v and %+v, %v", result, s, err)
		}
		if len(prepared.n) != 2 {
			t.Errorf("prepared %v, want both", prepared.n)
		}
	})
}

// [C2]
func TestHybridsProducerPolicyIsChecked(t *testing.T) {
	r := newHybridRig(1, func(context.Context, ergon.Transaction) error { return nil })
	r.Producer.Loop.Concurrency.Value = 0
	const want = "producer.loop.concurrency.value: is 0, must be at least 1"
	if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
}

// [B3, L1] Inbound transactions wait for their outbound ones without holding up others: many at once, none lost.
func TestManyHybridTransactionsAreAllProduced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const inbound, each = 500, 3
		queue := memory.New(memory.Settings{})
		coalescer := coalesce.New(queue, policy.DefaultProducer().Loop.Batch)
		r := newHybridRig(each, func(ctx context.Context, tx ergon.Transaction) error {
			return coalescer.DispatchTransactions(ctx, []ergon.Transaction{tx})
		}, numbered(inbound)...)
		r.Policy.Loop.Concurrency.Value = 32
		r.run(t)
		txs, err := queue.FetchTransactions(t.Context(), 2*inbound*each)
		if err != nil {
			t.Fatal(err)
		}
		ids := newTally()
		for _, tx := range txs {
			ids.add(tx.ID())
		}
		for i := range inbound {
			for n := range each {
				if id := strconv.Itoa(i) + "/" + strconv.Itoa(n); ids.n[id] != 1 {
					t.Errorf("%s was produced %d times, want once", id, ids.n[id])
				}
			}
		}
	})
}
