package pipeline_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// waitingProduction is a producing loop that notes its attempts. The first of each transaction that is named fails, to be tried
// again after that.
func waitingProduction(j *journal, execution policy.Execution, after map[string]time.Duration) *production {
	seen := newTally()
	p := newProduction(func(ctx context.Context, tx ergon.Transaction) error {
		j.note(tx.ID())
		if d, ok := after[tx.ID()]; ok && seen.add(tx.ID()) == 1 {
			return ergon.RetryAfter(errDown, d)
		}
		return ctx.Err()
	})
	p.Producer.Loop.Execution = execution
	p.Producer.Prepare.Retry.MaxAttempts, p.Producer.Loop.TransactionTimeout = 3, time.Hour
	return p
}

// [R5] In a producing loop a backoff of more than a second holds no slot, one of a second does, and the loop ends after it.
func TestProducerWaitsWithoutASlot(t *testing.T) {
	for d, want := range map[time.Duration][]string{
		time.Second:     {"0s a", "1s a", "1s b", "1s c"},
		time.Second + 1: {"0s a", "0s b", "0s c", "1.000000001s a"},
		time.Minute:     {"0s a", "0s b", "0s c", "1m0s a"},
	} {
		inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
			j := newJournal()
			p := waitingProduction(j, execution, map[string]time.Duration{"a": d})
			if err := p.run(t, of(transactionsOf("a", "b", "c")...)); err != nil {
				t.Error(err)
			}
			j.want(t, want...)
			s := p.loop.Snapshot()
			wantProduction(t, s, map[pipeline.Outcome]int64{pipeline.Succeeded: 3})
			if s.Retries != 1 || s.Waiting != 0 {
				t.Errorf("%d retries and %d wait, want 1 and none", s.Retries, s.Waiting)
			}
		})
	}
}

// failingProduction is one of which every first attempt fails, to be tried again in ten minutes. It counts what was begun.
func failingProduction(execution policy.Execution) (*production, *atomic.Int64) {
	seen, begun := newTally(), &atomic.Int64{}
	p := newProduction(func(_ context.Context, tx ergon.Transaction) error {
		if seen.add(tx.ID()) == 1 {
			begun.Add(1)
			return ergon.RetryAfter(errDown, 10*time.Minute)
		}
		return nil
	})
	p.Producer.Loop.Execution, p.Producer.Loop.TransactionTimeout = execution, time.Hour
	p.Producer.Loop.Concurrency.Value, p.Producer.Loop.Concurrency.Waiting = 2, 5
	p.Producer.Loop.Batch.Size = 1
	return p, begun
}

// [R5] Beyond the bound nothing more is begun, and what is due comes first.
func TestProducerPausesWhileTooManyWait(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		p, count := failingProduction(execution)
		ctx, cancel := context.WithCancelCause(t.Context())
		p.start(ctx, t, of(transactionsOf(numbered(100)...)...))
		sleep(10*time.Minute - 1)
		begun := count.Load()
		if s := p.loop.Snapshot(); s.Waiting != begun || begun < 5 || begun > 5+2 || s.Outcomes[pipeline.Succeeded] != 0 {
			t.Errorf("%d wait of %d begun, want 5, and at most those at work beyond it; outcomes %v", s.Waiting, begun, s.Outcomes)
		}
		sleep(1)
		synctest.Wait()
		if s := p.loop.Snapshot(); s.Outcomes[pipeline.Succeeded] != begun || count.Load() > 2*begun+2 {
			t.Errorf("outcomes %v after the backoff, %d begun; want the %d that waited", s.Outcomes, count.Load(), begun)
		}
		cancel(errStopped)
		if err := <-p.done; !errors.Is(err, errStopped) {
			t.Errorf("the loop ended with %v", err)
		}
	})
}

// [R5] [E3] At shutdown what waits is given up at once, as interrupted: it was not produced, and no attempt is made any more.
func TestProducerEndsAtOnceWhateverWaits(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		p, count := failingProduction(execution)
		ctx, cancel := context.WithCancelCause(t.Context())
		p.start(ctx, t, of(transactionsOf(numbered(100)...)...))
		sleep(time.Minute)
		begun, began := count.Load(), time.Now()
		cancel(errStopped)
		if err := <-p.done; !errors.Is(err, errStopped) {
			t.Errorf("the loop ended with %v", err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %s", took)
		}
		if s := p.loop.Snapshot(); s.Outcomes[pipeline.Interrupted] != begun || s.Waiting != 0 || count.Load() != begun {
			t.Errorf("outcomes %v, %d wait, %d begun; want %d interrupted", s.Outcomes, s.Waiting, count.Load(), begun)
		}
	})
}

// [R5] [T3] A backoff that would last longer than the transaction may ends with it, and holds no slot until then.
func TestProducedTransactionTimesOutWhileItWaits(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		p := waitingProduction(j, execution, map[string]time.Duration{"a": time.Hour})
		p.Producer.Loop.TransactionTimeout = time.Minute
		began := time.Now()
		err := p.run(t, of(transactionsOf("a", "b")...))
		failed, ok := errors.AsType[*pipeline.ProduceError](err)
		if !ok || failed.Failed != 1 || time.Since(began) > time.Minute {
			t.Errorf("got %v after %s, want one that failed, within a minute", err, time.Since(began))
		}
		j.want(t, "0s a", "0s b")
	})
}
