package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// newHopRig makes a loop of a hybrid task over a store; each inbound transaction becomes n on the storeSink "claims" of that store.
func newHopRig(j *journal, n int, ids ...string) (r *rig, s *store, claims *storeSink) {
	s = newStore(ids...)
	s.journal = j
	claims = s.storeSink("claims")
	coalescer := coalesce.New(claims, policy.DefaultProducer().Loop.Batch)
	r = newHybridRig(n, func(ctx context.Context, tx ergon.Transaction) error {
		return coalescer.DispatchTransactions(ctx, []ergon.Transaction{tx})
	})
	r.Source, r.Queue = s, s.Queue
	r.Policy.Settle.Retry = retrying(2, time.Second, time.Second).Retry
	return r, s, claims
}

// [B3] In one store, what comes out of a transaction becomes durable together with its acknowledgement: in one call, and not
// before.
func TestOutputsBecomeDurableTogetherWithTheAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r, _, claims := newHopRig(j, 2, "a", "b")
		r.Handlers.Success = func(_ context.Context, tx ergon.Transaction, _ any) error {
			if got := claims.ids(); strings.Contains(got, tx.ID()+"/") {
				t.Errorf("%s is there before %s is acknowledged", got, tx.ID())
			}
			return nil
		}
		r.run(t)
		j.want(t, "0s hop a ack to claims: a/0 claims: a/1", "0s hop b ack to claims: b/0 claims: b/1")
		if got := claims.ids(); got != "a/0 a/1 b/0 b/1" {
			t.Errorf("got %s on the shelf, want all four", got)
		}
		if s := r.consumer.Snapshot(); s.Produced != 4 || s.Outcomes[pipeline.Succeeded] != 2 {
			t.Errorf("got %+v, want 4 produced of 2", s)
		}
	})
}

// [B3] What goes to another store, or has a success handler that counts on it, is dispatched before the acknowledgement.
func TestWhatCannotHopIsDispatchedBeforeTheAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		elsewhere := &storeSink{name: "elsewhere"}
		j := newJournal()
		r, s, claims := newHopRig(j, 1, "a")
		far := coalesce.New(elsewhere, policy.DefaultProducer().Loop.Batch)
		near := r.Handlers.Prepare
		r.Handlers.Prepare = func(ctx context.Context, tx ergon.Transaction) error {
			if err := far.DispatchTransactions(ctx, []ergon.Transaction{tx}); err != nil {
				return err
			}
			j.note("elsewhere: " + elsewhere.ids())
			return near(ctx, tx)
		}
		r.run(t)
		j.want(t, "0s elsewhere: a/0", "0s hop a ack to claims: a/0")
		_, _ = s, claims

		j = newJournal()
		r, _, claims = newHopRig(j, 1, "a")
		r.Handlers.PrepareSuccess = func(context.Context, ergon.Transaction) error {
			j.note("success with " + claims.ids())
			return nil
		}
		r.run(t)
		j.want(t, "0s success with a/0", "0s settle a ack")
	})
}

// [B3, T1] Only what an attempt dispatched that succeeded in time hops.
func TestOnlyTheAttemptThatSucceededHops(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j, calls := newJournal(), newTally()
		r, _, claims := newHopRig(j, 1, "a")
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Headroom = 10
		dispatch := r.Handlers.Prepare
		r.Handlers.Prepare = func(ctx context.Context, tx ergon.Transaction) error {
			switch calls.add("call") {
			case 1:
				return errors.Join(dispatch(ctx, tx), errScripted)
			case 2:
				err := dispatch(ctx, tx)
				sleep(10 * time.Second)                    // is given up
				return errors.Join(err, dispatch(ctx, tx)) // and refused
			default:
				if err := dispatch(ctx, tx); err != nil {
					return err
				}
				go func() {
					sleep(time.Second)
					if err := dispatch(ctx, tx); err == nil {
						t.Error("a goroutine that the handler left behind could dispatch")
					}
				}()
				return nil
			}
		}
		r.Producer.Prepare = retrying(3, 2*time.Second, time.Second)
		r.run(t)
		j.want(t, "4s hop a ack to claims: a/0")
		sleep(time.Minute)
		if got := claims.ids(); got != "a/0" {
			t.Errorf("got %s on the shelf, want a/0 once", got)
		}
	})
}

// [B3] All or nothing: nothing of a transaction that fails, or is taken back, is ever there.
func TestNothingComesOutOfATransactionThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			change func(*rig)
			want   string
		}{
			"another outbound": {func(r *rig) {
				dispatch := r.Handlers.Prepare
				r.Handlers.Prepare = func(ctx context.Context, tx ergon.Transaction) error {
					if tx.ID() == "a/1" {
						return ergon.Business(errScripted)
					}
					return dispatch(ctx, tx)
				}
			}, "0s settle a reject"},
			"success handler": {func(r *rig) {
				r.Handlers.Success = func(context.Context, ergon.Transaction, any) error { return ergon.Business(errScripted) }
			}, "0s settle a reject"},
		} {
			j := newJournal()
			r, _, claims := newHopRig(j, 2, "a")
			c.change(r)
			r.run(t)
			j.want(t, c.want)
			if got := claims.ids(); got != "" {
				t.Errorf("%s: %s came out of it, want nothing", name, got)
			}
		}
	})
}

// [S3, B3] A stale hop writes nothing; the transaction is delivered again, with one warning.
func TestStaleHopIsRedelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, j := &logBuffer{}, newJournal()
		r, s, claims := newHopRig(j, 1, "a", "b")
		r.Logger = log.logger(slog.LevelWarn)
		r.Policy.Loop.Concurrency.Value = 2
		s.fail = func(hop capability.Hop) error {
			if hop.Settlement.Transaction.ID() == "a" {
				return capability.ErrStaleDelivery
			}
			return nil
		}
		r.run(t)
		if got := claims.ids(); got != "b/0" {
			t.Errorf("got %s, want b/0", got)
		}
		wantProduction(t, r.consumer.Snapshot(), map[pipeline.Outcome]int64{pipeline.Succeeded: 1, pipeline.Redelivered: 1})
		log.wantMessages(t, slog.LevelWarn, "the source has taken the transaction back; it will be delivered again")
	})
}

// [S2, B3] A dead letter that the source's store keeps is written in the same call as the acknowledgement.
func TestDeadLetterBecomesDurableTogetherWithTheAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r, s, claims := newHopRig(j, 1, "bad", "good")
		r.Policy.Loop.Concurrency.Value, r.Policy.Loop.DeadLetter = 2, "letters"
		letters := s.storeSink("letters")
		r.DeadLetters = letters
		split := r.Handlers.Process
		r.Handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			if tx.ID() == "bad" {
				return nil, ergon.Business(errScripted)
			}
			return split(ctx, tx)
		}
		r.run(t)
		j.want(t, "0s hop good ack to claims: good/0", "0s hop bad ack to letters: bad")
		if record, ok := letters.txs[0].Payload().(deadletter.Record); !ok || record.Message != "scripted failure" {
			t.Errorf("the letter is %+v", letters.txs[0].Payload())
		}
		if got := claims.ids(); got != "good/0" {
			t.Errorf("got %s, want good/0", got)
		}
	})
}

// [S2, B3] One that cannot be written is requeued, never dropped.
func TestDeadLetterThatCannotHopIsRequeued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r, s, _ := newHopRig(j, 1, "bad")
		r.Policy.Loop.DeadLetter, r.Policy.Loop.Limit = "letters", 1
		r.DeadLetters = s.storeSink("letters")
		r.Handlers.Process = func(context.Context, ergon.Transaction) (any, error) { return nil, ergon.Business(errScripted) }
		s.fail = func(capability.Hop) error { return errors.New("disk full") }
		r.runLeaving(t, "bad")
		j.want(t, "0s hop bad ack to letters: bad", "1s hop bad ack to letters: bad", "1s settle bad requeue 5s")
		wantProduction(t, r.consumer.Snapshot(), map[pipeline.Outcome]int64{pipeline.Requeued: 1})
	})
}

// [B3] Outputs that the store will never take fail their transaction in phase prepare: to be delivered again for ever would help
// nobody. The others of the call are not held up.
func TestOutputsThatTheStoreRefusesFailTheirTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, shared := range map[string]bool{"letters in the store": true, "letters elsewhere": false} {
			log, j := &logBuffer{}, newJournal()
			r, s, claims := newHopRig(j, 1, "big", "small")
			r.Logger = log.logger(slog.LevelWarn)
			r.Policy.Loop.Concurrency.Value, r.Policy.Loop.DeadLetter = 2, "letters"
			letters := s.storeSink("letters")
			if !shared {
				letters.store = nil
			}
			r.DeadLetters = letters
			s.fail = func(hop capability.Hop) error {
				if hop.Settlement.Transaction.ID() == "big" && hop.Outputs[0].To == ergon.Dispatcher(claims) {
					return ergon.Permanent(errors.New("too large"))
				}
				return nil
			}
			r.run(t)
			if got := claims.ids(); got != "small/0" {
				t.Errorf("%s: got %s, want small/0", name, got)
			}
			record, ok := letters.txs[0].Payload().(deadletter.Record)
			if !ok || record.Phase != policy.PhasePrepare || record.Message != "the store refused the outputs: too large" {
				t.Errorf("%s: the letter is %+v", name, letters.txs[0].Payload())
			}
			wantProduction(t, r.consumer.Snapshot(), map[pipeline.Outcome]int64{pipeline.Succeeded: 1, pipeline.DeadLettered: 1})
			log.wantMessages(t, slog.LevelWarn, "the store refused the outputs of the transaction; the transaction failed")
		}
	})
}

// [S4, B3] A call that fails is made again without what is done; what then still fails stays with its source.
func TestHopIsRetriedAndThenLeftToBeDeliveredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, calls := newJournal(), newTally()
		r, s, claims := newHopRig(j, 1, "a", "b")
		r.Policy.Loop.Concurrency.Value = 2
		s.fail = func(hop capability.Hop) error {
			if id := hop.Settlement.Transaction.ID(); id == "a" && calls.add(id) == 1 {
				return errScripted
			}
			return nil
		}
		r.run(t)
		j.want(t, "0s hop a ack to claims: a/0", "0s hop b ack to claims: b/0", "1s hop a ack to claims: a/0")
		if got := claims.ids(); got != "a/0 b/0" {
			t.Errorf("got %s, want both", got)
		}

		r, s, claims = newHopRig(newJournal(), 1, "a")
		s.outage = func() error { return errScripted }
		r.start(t.Context(), t)
		if err := r.wait(); !errors.Is(err, pipeline.ErrUnsettled) {
			t.Errorf("got %v, want ErrUnsettled", err)
		}
		if got := claims.ids(); got != "" {
			t.Errorf("got %s, want nothing", got)
		}
		if diff := cmp.Diff(map[pipeline.Outcome]int64{pipeline.Redelivered: 1}, r.consumer.Snapshot().Outcomes); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
	})
}

// [E5, B3] One given transaction is settled nowhere, so there is nothing to hop with: what comes out of it is dispatched.
func TestOneTransactionDoesNotHop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, claims := newHopRig(newJournal(), 1, "a")
		if _, _, err := pipeline.Process(t.Context(), r.Settings, ergon.NewTransaction("one", nil)); err != nil {
			t.Fatal(err)
		}
		if got := claims.ids(); got != "one/0" {
			t.Errorf("got %s, want one/0", got)
		}
	})
}
