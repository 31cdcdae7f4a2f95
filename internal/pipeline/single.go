package pipeline

import (
	"context"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// Process runs one given transaction through the same lifecycle with the same limits; a task that only produces prepares it. It is not
// settled, because it has no source, and not dead-lettered: the caller gets its result.
func Process(ctx context.Context, s Settings, tx ergon.Transaction) (Result, Snapshot, error) {
	result := Result{Transaction: tx, Outcome: Interrupted, Err: ergon.ErrInterrupted} // if ctx ends before it begins
	if s.Handlers.Process == nil && s.Handlers.Prepare != nil {
		if err := s.ValidateProducer(); err != nil {
			return Result{}, Snapshot{}, err
		}
		s = s.producing()
	}
	s.Source, s.DeadLetters = &once{tx: tx}, nil
	s.OnEnd = func(r Result) { result = r }
	s.single = true
	s.Policy.Loop.OnException = policy.OnExceptionDiscard
	s.Policy.Loop.DeadLetter = ""
	s.Policy.Loop.Outage.After = 0
	s.Policy.Loop.Streaming, s.Policy.Loop.Limit, s.Quota = false, 1, nil
	c, err := New(s)
	if err != nil {
		return Result{}, Snapshot{}, err
	}
	err = c.Run(ctx)
	return result, c.Snapshot(), err
}

// once is a source of one transaction.
type once struct {
	tx   ergon.Transaction
	once sync.Once
}

var _ ergon.Fetcher = (*once)(nil)

func (o *once) FetchTransactions(context.Context, int) ([]ergon.Transaction, error) {
	var txs []ergon.Transaction
	o.once.Do(func() { txs = []ergon.Transaction{o.tx} })
	return txs, ergon.ErrExhausted
}
