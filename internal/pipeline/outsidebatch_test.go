package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// outside is what a connector returns that breaks its contract: a failure of an item that its call did not have.
func outside(err error) error { return &ergon.BatchError{Failures: map[int]error{7: err}} }

const outsideText = "the connector reported a failure for item 7 of 3"

// brokenSource names items outside of the batch, in one of its methods.
type brokenSource struct {
	*store

	settle, hop, extend error // nil: that method works
	extensions          []time.Duration
	began               time.Time
}

func (s *brokenSource) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	if s.settle != nil {
		return outside(s.settle)
	}
	return s.store.SettleTransactions(ctx, batch)
}

func (s *brokenSource) HopTransactions(ctx context.Context, batch []capability.Hop) error {
	if s.hop != nil {
		return outside(s.hop)
	}
	return s.store.HopTransactions(ctx, batch)
}

// leasedBroken is one whose deliveries expire.
type leasedBroken struct{ *brokenSource }

func (s leasedBroken) LeaseDuration() time.Duration { return lease }

func (s leasedBroken) ExtendLeases(context.Context, []ergon.Transaction) error {
	s.extensions = append(s.extensions, time.Since(s.began))
	return outside(s.extend)
}

// newBrokenRig has three transactions, which one call settles. Its settle policy has two attempts.
func newBrokenRig() (*rig, *brokenSource) {
	r, s, _ := newHopRig(nil, 1, "a", "b", "c")
	source := &brokenSource{store: s, began: time.Now()}
	r.Source = source
	r.Policy.Loop.Mode, r.Policy.Loop.Batch.Size, r.Policy.Loop.Concurrency.Value = policy.ModeBatch, 3, 3
	return r, source
}

// [S1] [F1] A failure of an item outside of the batch is no success of those within: they are delivered again, also if that item is
// said to be stale.
func TestSettlementThatNamesAnItemOutsideOfItsBatchSettlesNothing(t *testing.T) {
	for name, err := range map[string]error{"a failure": errScripted, "a stale delivery": capability.ErrStaleDelivery} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, source := newBrokenRig()
				r.Handlers.Prepare = nil
				source.settle = err
				r.start(t.Context(), t)
				got := r.wait()
				if !errors.Is(got, pipeline.ErrUnsettled) || !strings.Contains(got.Error(), outsideText) {
					t.Errorf("the loop ended with %v, want ErrUnsettled: %s", got, outsideText)
				}
				r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Redelivered: 3})
			})
		})
	}
}

// [B3] [F1] The same holds for a hop.
func TestHopThatNamesAnItemOutsideOfItsBatchMakesNothingDurable(t *testing.T) {
	for name, err := range map[string]error{
		"a failure": errScripted, "a stale delivery": capability.ErrStaleDelivery, "a refusal": errRefused,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, source := newBrokenRig()
				source.hop = err
				r.start(t.Context(), t)
				got := r.wait()
				if !errors.Is(got, pipeline.ErrUnsettled) || !strings.Contains(got.Error(), outsideText) {
					t.Errorf("the loop ended with %v, want ErrUnsettled: %s", got, outsideText)
				}
				r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Redelivered: 3})
			})
		})
	}
}

// [S2] [F1] Dead letters of such a call are not written, so no transaction is acknowledged for one.
func TestLettersOfACallThatNamesAnItemOutsideOfItsBatchAreNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, source := newBrokenRig()
		r.Handlers.Process = func(context.Context, ergon.Transaction) (any, error) { return nil, ergon.Business(errScripted) }
		r.DeadLetters, r.Policy.Loop.DeadLetter = brokenLetters{}, "letters"
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r.start(ctx, t)
		got := r.wait()
		if !errors.Is(got, pipeline.ErrUnwritten) || !strings.Contains(got.Error(), "the connector reported a failure for item 7 of ") {
			t.Errorf("the loop ended with %v, want ErrUnwritten and what the connector did", got)
		}
		if n := r.consumer.Snapshot().Outcomes[pipeline.DeadLettered]; n != 0 {
			t.Errorf("%d transactions count as dead-lettered, want none", n)
		}
		for id, acknowledged := range source.settled {
			if acknowledged {
				t.Errorf("%s was acknowledged without a letter", id)
			}
		}
	})
}

type brokenLetters struct{}

func (brokenLetters) DispatchTransactions(context.Context, []ergon.Transaction) error {
	return outside(errScripted)
}

// [S5] [F1] An extension that names an item outside of its batch has extended nothing: what is held runs out, and not before.
func TestExtensionThatNamesAnItemOutsideOfItsBatchExtendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cancelled moments
		r, source := newBrokenRig()
		began := time.Now()
		r.Handlers.Prepare = nil
		r.Handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), capability.ErrStaleDelivery) {
				t.Errorf("%s was cancelled by %v, want a lost lease", tx.ID(), context.Cause(ctx))
			}
			cancelled.note(tx.ID(), time.Since(began))
			return nil, nil
		}
		source.extend = capability.ErrStaleDelivery
		r.Source = leasedBroken{source}
		r.Policy.Process = once(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), lease+1)
		defer cancel()
		r.start(ctx, t)
		_ = r.wait()
		cancelled.want(t, 3, lease)
		if len(source.extensions) == 0 {
			t.Error("nobody asked for an extension")
		}
	})
}

// [S1] [F1] A fetch is no batch: an error that names items is an error of the whole call, and what came with it is requeued. The loop
// continues, and nothing is lost.
func TestFetchThatNamesAnItemGivesBackWhatItBrought(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, source := newBrokenRig()
		r.Handlers.Prepare = nil
		failing := 2
		r.Source = struct {
			ergon.Fetcher
			capability.Settler
		}{fetchFunc(func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
			txs, err := source.FetchTransactions(ctx, limit)
			if err != nil || failing == 0 {
				return txs, err
			}
			failing--
			return txs, outside(errScripted)
		}), source}
		r.Policy.Fetch.Retry = retrying(3, time.Second, time.Second).Retry
		r.run(t)
		r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.Succeeded: 3})
		given := 0
		for _, s := range source.Settlements() {
			if s.Interrupted {
				given++
			}
		}
		if given != 2*3 {
			t.Errorf("%d were given back, want all 3 of 2 fetches", given)
		}
	})
}

// [S1] [F1] A fetch that continues like that ends the loop with one error that says what the connector returned. Its source has everything.
func TestFetchThatNamesAnItemForeverEndsTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, source := newBrokenRig()
		r.Handlers.Prepare = nil
		r.Source = struct {
			ergon.Fetcher
			capability.Settler
		}{fetchFunc(func(ctx context.Context, limit int) ([]ergon.Transaction, error) {
			txs, _ := source.FetchTransactions(ctx, limit)
			return txs, outside(errScripted)
		}), source}
		r.Policy.Fetch.Retry = retrying(2, time.Second, time.Second).Retry
		r.start(t.Context(), t)
		err := r.wait()
		if _, failed := errors.AsType[*pipeline.FetchError](err); !failed || !strings.Contains(err.Error(), errScripted.Error()) {
			t.Errorf("the loop ended with %v, want a FetchError that says what the connector returned", err)
		}
		if n, _ := source.CountTransactions(t.Context()); n != 3 || r.consumer.Snapshot().Fetched != 0 {
			t.Errorf("the source holds %d and %d count as fetched, want 3 and 0", n, r.consumer.Snapshot().Fetched)
		}
	})
}

// [B2] [F1] A sink that names an item outside of its batch has taken nothing, as far as anybody knows: what was dispatched fails with an
// error that says so, and its transaction is not acknowledged.
func TestDispatchThatNamesAnItemOutsideOfItsBatchFailsItsTransaction(t *testing.T) {
	for name, batch := range map[string]policy.ProducerBatch{"alone": {Size: 1}, "joined": {Size: 10, Interval: time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, source := newBrokenRig()
				sink := coalesce.New(brokenLetters{}, batch)
				r.Handlers.Prepare = func(ctx context.Context, tx ergon.Transaction) error {
					return sink.DispatchTransactions(ctx, []ergon.Transaction{tx})
				}
				r.Producer.Prepare = once(time.Minute)
				r.run(t)
				r.wantOutcomes(t, map[pipeline.Outcome]int64{pipeline.DeadLettered: 3})
				for _, result := range r.all() {
					if result.Err == nil || !strings.Contains(result.Err.Error(), "the connector reported a failure for item 7 of 1") {
						t.Errorf("%s failed with %v, want what the connector did", result.Transaction.ID(), result.Err)
					}
				}
				for _, s := range source.Settlements() {
					if s.Action == policy.SettleAck {
						t.Errorf("%s was acknowledged", s.Transaction.ID())
					}
				}
			})
		})
	}
}
