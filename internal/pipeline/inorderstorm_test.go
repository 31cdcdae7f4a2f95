package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
)

// strictReader checks the loop by the word of the contract: after a revocation has returned nothing that it matched is settled, although
// the topic itself would refuse it, and nothing is settled before its turn. Its calls take a while, and some fail.
type strictReader struct {
	*memory.Reader

	t      *testing.T
	random func(n int) int

	mu      sync.Mutex
	revoked []func(ergon.Delivery) bool
}

// strictDeliveries are those of the loop, as the topic sees them.
type strictDeliveries struct {
	capability.Deliveries

	of *strictReader
}

func (s *strictReader) Attach(ctx context.Context, deliveries capability.Deliveries) error {
	return s.Reader.Attach(ctx, strictDeliveries{deliveries, s})
}

func (d strictDeliveries) Revoke(ctx context.Context, match func(ergon.Delivery) bool) {
	deadline, _ := ctx.Deadline()
	d.Deliveries.Revoke(ctx, match)
	if late := time.Since(deadline); late > time.Second {
		d.of.t.Errorf("a revocation returned %s after its time", late)
	}
	d.of.forbid(match)
}

func (s *strictReader) forbid(match func(ergon.Delivery) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = append(s.revoked, match)
}

func (s *strictReader) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	sleep(time.Duration(s.random(20)) * time.Millisecond)
	txs, err := s.Reader.FetchTransactions(ctx, limit)
	sleep(time.Duration(s.random(20)) * time.Millisecond)
	return txs, err
}

func (s *strictReader) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	if err := s.takes(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	for _, settlement := range batch {
		for _, match := range s.revoked {
			if match(settlement.Transaction.Delivery()) && ctx.Err() == nil {
				s.t.Errorf("transaction %s is settled after it was taken back", settlement.Transaction.ID())
			}
		}
	}
	s.mu.Unlock()
	err := s.Reader.SettleTransactions(ctx, batch)
	if failed, partial := errors.AsType[*ergon.BatchError](err); partial {
		for i, failure := range failed.Failures {
			if !errors.Is(failure, capability.ErrStaleDelivery) {
				s.t.Errorf("transaction %s is settled before its turn: %v", batch[i].Transaction.ID(), failure)
			}
		}
	}
	return err
}

// takes lets a call take some time. One in ten fails, and one in thirty hangs.
func (s *strictReader) takes(ctx context.Context) error {
	switch n := s.random(30); {
	case n == 0:
		<-ctx.Done()
		return context.Cause(ctx)
	case n < 3:
		return errRefused
	default:
		sleep(time.Duration(n) * time.Millisecond)
		return ctx.Err()
	}
}

// [K2] [K3] [K5] Two loops read one topic, and its partitions are taken away at random. Nothing is lost, and nothing is settled that was
// taken back.
func TestTopicUnderRandomRevocations(t *testing.T) {
	seeds := 150
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { revokeAtRandom(t, uint64(seed)) })
		})
	}
}

func revokeAtRandom(t *testing.T, seed uint64) {
	var mu sync.Mutex
	source := rand.New(rand.NewPCG(seed, 5))
	random := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return source.IntN(n)
	}
	const n = 120
	topic := memory.NewTopic(memory.TopicSettings{
		Transactions: transactionsOf(numbered(n)...), Partitions: 3, Finite: true, RevokeWithin: 200 * time.Millisecond,
	})
	letters := memory.New(memory.Settings{})
	done := newTally()
	handlers := ergon.Task{
		Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
			switch k := random(40); {
			case k == 0:
				sleep(3 * time.Second) // and ignores its context
			case k < 6:
				return nil, errRefused
			default:
				sleep(time.Duration(random(60)) * time.Millisecond)
			}
			if ctx.Err() == nil {
				done.add(tx.ID())
			}
			return nil, ctx.Err()
		},
		Exception: func(context.Context, ergon.Transaction, *ergon.TransactionError) (ergon.Disposition, error) {
			if random(2) == 0 {
				return ergon.Requeue(time.Duration(random(500)) * time.Millisecond), nil
			}
			return ergon.DeadLetter(), nil
		},
	}
	var rigs []*rig
	for range 2 {
		r := newRig(handlers)
		r.Source = &strictReader{Reader: topic.NewReader(), t: t, random: random}
		r.DeadLetters, r.Policy.Loop.DeadLetter = letters, "letters"
		r.Policy.Process = retrying(2, time.Second, 20*time.Millisecond)
		r.Policy.Settle.Retry.Timeout, r.Policy.Settle.Retry.MaxAttempts = 2*time.Second, 10
		r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Streaming, r.longest = 1+random(6), true, time.Hour
		r.Policy.Loop.Concurrency.Headroom = 100
		r.start(t.Context(), t)
		rigs = append(rigs, r)
	}
	for range 8 {
		sleep(time.Duration(random(300)) * time.Millisecond)
		if random(3) == 0 {
			topic.Lose(random(3))
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random(400))*time.Millisecond)
		topic.Revoke(ctx, random(3))
		cancel()
	}
	for _, r := range rigs {
		if err := r.wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("a loop ended with %v", err)
		}
	}
	sleep(5 * time.Second) // until the last handler is back that ignores its context
	written := map[string]bool{}
	for txs, _ := letters.FetchTransactions(t.Context(), n); len(txs) > 0; txs, _ = letters.FetchTransactions(t.Context(), n) {
		for _, tx := range txs {
			written[tx.ID()] = true
		}
	}
	for p := range 3 {
		if got := topic.Settled(p); got != n/3 {
			t.Errorf("%d of partition %d are settled, want %d", got, p, n/3)
		}
	}
	for _, id := range numbered(n) {
		if done.n[id] == 0 && !written[id] {
			t.Errorf("transaction %s is lost: it was neither done nor dead-lettered", id)
		}
	}
}
