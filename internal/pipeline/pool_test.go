package pipeline_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// raggedSource answers every fetch with another number of transactions.
type raggedSource struct {
	left   int
	random *rand.Rand
}

func (s *raggedSource) FetchTransactions(_ context.Context, limit int) ([]ergon.Transaction, error) {
	n := min(1+s.random.IntN(3*limit), s.left) // over-delivers now and then
	s.left -= n
	txs := make([]ergon.Transaction, n)
	for i := range txs {
		txs[i] = ergon.NewTransaction("", nil)
	}
	if s.left == 0 {
		return txs, ergon.ErrExhausted
	}
	return txs, nil
}

// [L1] [L2] No transaction waits for a worker while fewer than the concurrency are running, however the source delivers.
func TestNothingWaitsWhileASlotIsFree(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		for seed := range uint64(40) {
			waiting, most := 1000, 1+int(seed)*40
			block := make(chan struct{})
			var running atomic.Int64
			r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
				running.Add(1)
				<-block
				return nil, nil
			}})
			r.Source = &raggedSource{left: waiting, random: rand.New(rand.NewPCG(seed, 1))}
			r.Policy.Loop.OnException = policy.OnExceptionDiscard
			r.Policy.Loop.DeadLetter = ""
			r.Policy.Loop.Execution = execution
			r.Policy.Loop.Concurrency.Value = most
			r.start(t.Context(), t)
			synctest.Wait()
			if got, want := running.Load(), int64(min(most, waiting)); got != want {
				t.Errorf("seed %d: %d transactions run, want %d", seed, got, want)
			}
			close(block)
			if err := r.wait(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
