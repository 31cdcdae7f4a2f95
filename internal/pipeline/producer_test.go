package pipeline_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// production is a producing loop under test.
type production struct {
	pipeline.Settings

	loop *pipeline.Producer
	done chan error
}

// newProduction makes one that prepares with a function, one at a time, with exact delays.
func newProduction(prepare func(context.Context, ergon.Transaction) error) *production {
	p := &production{Settings: pipeline.Settings{
		Task: "task", Worker: "worker-1", Handlers: ergon.Task{Prepare: prepare},
		Producer: exactProducer(), Shutdown: policy.DefaultShutdown(), Logger: slog.New(slog.DiscardHandler),
	}}
	return p
}

func exactProducer() policy.Producer {
	p := policy.DefaultProducer()
	p.Prepare.Retry.Jitter, p.Success.Retry.Jitter, p.Exception.Retry.Jitter = 0, 0, 0
	p.Loop.Concurrency.Value = 1
	return p
}

// of makes the sequence of these transactions.
func of(txs ...ergon.Transaction) func(context.Context) iter.Seq2[ergon.Transaction, error] {
	return func(context.Context) iter.Seq2[ergon.Transaction, error] {
		return func(yield func(ergon.Transaction, error) bool) {
			for _, tx := range txs {
				if !yield(tx, nil) {
					return
				}
			}
		}
	}
}

func (p *production) start(ctx context.Context, t testing.TB, txs func(context.Context) iter.Seq2[ergon.Transaction, error]) {
	t.Helper()
	loop, err := pipeline.NewProducer(p.Settings, txs)
	if err != nil {
		t.Fatalf("making the loop: %v", err)
	}
	p.loop, p.done = loop, make(chan error, 1)
	go func() { p.done <- loop.Run(ctx) }()
}

// run produces these to their end and returns what the loop ended with.
func (p *production) run(t testing.TB, txs func(context.Context) iter.Seq2[ergon.Transaction, error]) error {
	t.Helper()
	p.start(t.Context(), t, txs)
	return <-p.done
}

func wantProduction(t testing.TB, got pipeline.Snapshot, want map[pipeline.Outcome]int64) {
	t.Helper()
	if diff := cmp.Diff(want, got.Outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// [B1] Counts per outcome, and the first errors joined.
func TestProducerCountsOutcomesAndKeepsTheFirstErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProduction(func(_ context.Context, tx ergon.Transaction) error {
			if strings.HasPrefix(tx.ID(), "bad") {
				return ergon.Business(errors.New("no " + tx.ID()))
			}
			return nil
		})
		handled := newTally()
		p.Handlers.PrepareException = func(_ context.Context, tx ergon.Transaction, cause *ergon.TransactionError) error {
			handled.add(tx.ID() + " " + string(cause.Phase))
			if tx.ID() == "bad-1" {
				return ergon.Business(errScripted)
			}
			return nil
		}
		err := p.run(t, of(transactionsOf("a", "bad-1", "bad-2", "b", "bad-3", "bad-4", "bad-5", "bad-6", "c")...))
		failed, ok := errors.AsType[*pipeline.ProduceError](err)
		if !ok || failed.Failed != 6 || len(failed.First) != 5 {
			t.Fatalf("got %v, want a ProduceError of 6 with the first 5", err)
		}
		want := "6 transactions were not produced, the first of them:\n" +
			"transaction bad-1: exception: BUSINESS: scripted failure\n" +
			"transaction bad-2: prepare: BUSINESS: no bad-2\ntransaction bad-3: prepare: BUSINESS: no bad-3\n" +
			"transaction bad-4: prepare: BUSINESS: no bad-4\ntransaction bad-5: prepare: BUSINESS: no bad-5"
		if err.Error() != want {
			t.Errorf("got error\n%v\nwant\n%s", err, want)
		}
		if handled.n["bad-2 prepare"] != 1 || len(handled.n) != 6 {
			t.Errorf("the exception handler was called for %v, want once for each of 6 in phase prepare", handled.n)
		}
		s := p.loop.Snapshot()
		wantProduction(t, s, map[pipeline.Outcome]int64{pipeline.Succeeded: 3, pipeline.Failed: 5, pipeline.HandlerFailed: 1})
		if s.Produced != 3 || s.Fetched != 9 || s.Phases[policy.PhasePrepare].Count != 9 || len(s.Phases) != 2 {
			t.Errorf("got %+v, want 3 of 9 produced, with phases prepare and exception", s)
		}
	})
}

// [B1] The phases are those of consuming, each with its own retries and hard timeouts.
func TestPreparingIsRetriedWithinItsTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, calls := newJournal(), newTally()
		p := newProduction(func(_ context.Context, tx ergon.Transaction) error {
			j.note("prepare " + tx.ID())
			if calls.add(tx.ID()) == 1 {
				sleep(time.Minute) // heeds nothing
			}
			return nil
		})
		p.Handlers.PrepareSuccess = func(context.Context, ergon.Transaction) error {
			j.note("success")
			if calls.add("success") == 1 {
				return errScripted
			}
			return nil
		}
		p.Producer.Loop.Concurrency.Headroom = 2
		p.Producer.Prepare, p.Producer.Success = retrying(2, 5*time.Second, time.Second), retrying(2, time.Second, 2*time.Second)
		if err := p.run(t, of(transactionsOf("a")...)); err != nil {
			t.Fatal(err)
		}
		j.want(t, "0s prepare a", "6s prepare a", "6s success", "8s success")
		sleep(time.Minute)
	})
}

// [B1] Constant memory: no more is taken from the sequence than there are slots, and no more than the limit.
func TestNoMoreIsTakenThanThereIsRoomFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const concurrency, limit = 4, 1001
		var taken, ended, most atomic.Int64
		p := newProduction(func(context.Context, ergon.Transaction) error {
			sleep(time.Millisecond)
			most.Store(max(most.Load(), taken.Load()-ended.Load()))
			ended.Add(1)
			return nil
		})
		p.Producer.Loop.Concurrency.Value, p.Producer.Loop.Limit = concurrency, limit
		cleaned := false
		err := p.run(t, func(context.Context) iter.Seq2[ergon.Transaction, error] {
			return func(yield func(ergon.Transaction, error) bool) {
				defer func() { cleaned = true }()
				for {
					taken.Add(1)
					if !yield(ergon.NewTransaction("", nil), nil) {
						return
					}
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if taken.Load() != limit || ended.Load() != limit || most.Load() > concurrency {
			t.Errorf("%d were taken, %d ended, at most %d of them at once; want %d, %d and at most %d",
				taken.Load(), ended.Load(), most.Load(), limit, limit, concurrency)
		}
		if !cleaned {
			t.Error("the sequence was not ended")
		}
	})
}

// [B1] Both sides of the bound: each start is exactly when the throttle allows it.
func TestThrottleBoundsHowManyAreStartedInASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		p := newProduction(func(_ context.Context, tx ergon.Transaction) error {
			j.note(tx.ID())
			return nil
		})
		p.Producer.Loop.Concurrency.Value = 16
		p.Producer.Loop.Throttle = policy.Throttle{Rate: 10, Burst: 2}
		if err := p.run(t, of(transactionsOf("a", "b", "c", "d", "e")...)); err != nil {
			t.Fatal(err)
		}
		got := j.all()
		slices.Sort(got[:2])
		if diff := cmp.Diff([]string{"0s a", "0s b", "100ms c", "200ms d", "300ms e"}, got); diff != "" {
			t.Errorf("starts (-want +got):\n%s", diff)
		}
	})
}

// [B1] What the sequence gave before its error is finished, and nothing after it is asked for.
func TestErrorOfTheSequenceEndsTheRunAfterDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		p := newProduction(func(_ context.Context, tx ergon.Transaction) error {
			sleep(time.Second)
			j.note(tx.ID())
			return nil
		})
		p.Producer.Loop.Concurrency.Value = 2
		err := p.run(t, func(context.Context) iter.Seq2[ergon.Transaction, error] {
			return func(yield func(ergon.Transaction, error) bool) {
				if yield(ergon.NewTransaction("a", nil), nil) && yield(ergon.NewTransaction("b", nil), nil) &&
					yield(ergon.Transaction{}, errScripted) {
					t.Error("the sequence was asked for more after its error")
				}
			}
		})
		if !errors.Is(err, errScripted) || err.Error() != "transactions: scripted failure" {
			t.Errorf("got %v, want the sequence's error", err)
		}
		if got := j.all(); len(got) != 2 || !strings.HasPrefix(got[1], "1s ") {
			t.Errorf("got %q, want both after a second", got)
		}
	})
}

func TestSequenceThatPanicsEndsTheRunWithItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProduction(func(context.Context, ergon.Transaction) error { return nil })
		err := p.run(t, func(context.Context) iter.Seq2[ergon.Transaction, error] {
			return func(yield func(ergon.Transaction, error) bool) {
				yield(ergon.NewTransaction("a", nil), nil)
				panic("broken")
			}
		})
		if err == nil || err.Error() != "transactions: panic: broken" {
			t.Errorf("got %v, want the panic", err)
		}
		wantProduction(t, p.loop.Snapshot(), map[pipeline.Outcome]int64{pipeline.Succeeded: 1})
	})
}

// [B1] A sequence that takes its time does not keep what it has given from being prepared.
func TestSlowSequenceIsPreparedAsItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		p := newProduction(func(_ context.Context, tx ergon.Transaction) error {
			j.note(tx.ID())
			return nil
		})
		p.Producer.Loop.Concurrency.Value = 16
		err := p.run(t, func(context.Context) iter.Seq2[ergon.Transaction, error] {
			return func(yield func(ergon.Transaction, error) bool) {
				for _, id := range []string{"a", "b"} {
					yield(ergon.NewTransaction(id, nil), nil)
					sleep(time.Hour)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		j.want(t, "1ms a", "1h0m0.001s b")
	})
}

// [B1, T4] The loop's timeout bounds it, also where the sequence never ends; what is in flight has the grace.
func TestLoopTimeoutEndsAProducingLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p := newProduction(func(context.Context, ergon.Transaction) error {
			sleep(3 * time.Second)
			return nil
		})
		p.Producer.Loop.Timeout = 10 * time.Second
		err := p.run(t, endless)
		if !errors.Is(err, ergon.ErrLoopTimeout) {
			t.Errorf("got %v, want ErrLoopTimeout", err)
		}
		if took := time.Since(began); took != 12*time.Second {
			t.Errorf("it took %s, want 12s: the one that ran at 10s was finished", took)
		}
		wantProduction(t, p.loop.Snapshot(), map[pipeline.Outcome]int64{pipeline.Succeeded: 4})
	})
}

func endless(ctx context.Context) iter.Seq2[ergon.Transaction, error] {
	return func(yield func(ergon.Transaction, error) bool) {
		for ctx.Err() == nil && yield(ergon.NewTransaction("", nil), nil) {
		}
	}
}

// [B1, E3] A shutdown is no failure of what it cuts short.
func TestShutdownInterruptsAProducingLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProduction(func(ctx context.Context, _ ergon.Transaction) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		p.Shutdown = policy.Shutdown{Grace: time.Second, Force: time.Second}
		ctx, cancel := context.WithCancelCause(t.Context())
		p.start(ctx, t, endless)
		synctest.Wait()
		cancel(ergon.ErrInterrupted)
		err := <-p.done
		if _, failed := errors.AsType[*pipeline.ProduceError](err); failed || !errors.Is(err, ergon.ErrInterrupted) {
			t.Errorf("got %v, want the interruption alone", err)
		}
		wantProduction(t, p.loop.Snapshot(), map[pipeline.Outcome]int64{pipeline.Interrupted: 1})
	})
}

func TestSequenceThatIgnoresTheEndIsLeftBehindWithAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logBuffer{}
		p := newProduction(func(context.Context, ergon.Transaction) error { return nil })
		p.Logger = log.logger(slog.LevelWarn)
		ctx, cancel := context.WithCancelCause(t.Context())
		p.start(ctx, t, func(context.Context) iter.Seq2[ergon.Transaction, error] {
			return func(func(ergon.Transaction, error) bool) { sleep(time.Hour) }
		})
		synctest.Wait()
		cancel(ergon.ErrInterrupted)
		<-p.done
		log.wantMessages(t, slog.LevelWarn,
			"the loop has ended, and the sequence of its transactions has not returned since; make it respect its context")
		sleep(time.Hour)
	})
}

// [B1, L8]
func TestProducerKeepsTheOrderOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		p := newProduction(func(_ context.Context, tx ergon.Transaction) error {
			if tx.ID() == "a" {
				sleep(time.Second)
			}
			j.note(tx.ID())
			return nil
		})
		p.Producer.Loop.Concurrency.Value, p.Producer.Loop.Ordering = 3, policy.OrderingKey
		txs := transactionsOf("a", "b", "c")
		txs[0], txs[1] = txs[0].WithOrderingKey("k"), txs[1].WithOrderingKey("k")
		if err := p.run(t, of(txs...)); err != nil {
			t.Fatal(err)
		}
		j.want(t, "0s c", "1s a", "1s b")
	})
}

func TestProducerThatCannotWorkSaysWhy(t *testing.T) {
	prepare := func(context.Context, ergon.Transaction) error { return nil }
	broken := policy.DefaultProducer()
	broken.Loop.Throttle.Burst = 0
	for want, c := range map[string]struct {
		task         ergon.Task
		policy       policy.Producer
		transactions func(context.Context) iter.Seq2[ergon.Transaction, error]
	}{
		"the task has no Prepare function, so it cannot produce; make it with ergon.Produce or ergon.Hybrid": {
			ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}, policy.DefaultProducer(), of(),
		},
		"there are no transactions to produce: add a method Transactions to the task, or an Execute": {
			ergon.Task{Prepare: prepare}, policy.DefaultProducer(), nil,
		},
		"loop.throttle.burst: is 0, must be at least 1 (nothing could be started)": {ergon.Task{Prepare: prepare}, broken, of()},
	} {
		_, err := pipeline.NewProducer(pipeline.Settings{Handlers: c.task, Producer: c.policy}, c.transactions)
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// [E5] One transaction through a task that only produces is prepared.
func TestOneTransactionIsPrepared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProduction(func(_ context.Context, tx ergon.Transaction) error {
			if tx.ID() == "bad" {
				return ergon.Business(errScripted)
			}
			return nil
		})
		for id, want := range map[string]pipeline.Outcome{"good": pipeline.Succeeded, "bad": pipeline.Failed} {
			result, _, err := pipeline.Process(t.Context(), p.Settings, ergon.NewTransaction(id, nil))
			if err != nil || result.Outcome != want {
				t.Errorf("%s came to %s, %v, want %s", id, result.Outcome, err, want)
			}
			failed, ok := errors.AsType[*ergon.TransactionError](result.Err)
			if want == pipeline.Failed && (!ok || failed.Phase != policy.PhasePrepare) {
				t.Errorf("%s failed with %v, want phase prepare", id, result.Err)
			}
		}
	})
}
