package crashrun

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"github.com/ergon-go/ergon"
)

// request is what is in all of the queues.
type request struct {
	Number int `json:"number"`
	// Deliveries is how many deliveries were counted when it was made; 0 in the first queue.
	Deliveries int `json:"deliveries"`
}

// ingest puts transactions into the first queue, those that the ledger does not have, and then into the ledger.
type ingest struct {
	setup Setup
	in    ergon.Dispatcher
}

func (t *ingest) Transactions(context.Context) iter.Seq2[ergon.Transaction, error] {
	return func(yield func(ergon.Transaction, error) bool) {
		accepted, err := t.setup.ledger().read()
		if err != nil {
			yield(ergon.Transaction{}, err)
			return
		}
		for n := 1; n <= t.setup.Items; n++ {
			if accepted[idOf(n)] == 0 && !yield(ergon.NewTransaction(idOf(n), request{Number: n}), nil) {
				return
			}
		}
	}
}

func (t *ingest) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[request]) error {
	return t.in.DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction})
}

func (t *ingest) HandlePrepareSuccess(_ context.Context, tx ergon.TransactionOf[request]) error {
	return t.setup.ledger().add(tx.ID())
}

// hopping is a hybrid task whose outputs say in their metadata where they go.
type hopping struct {
	setup Setup
	to    map[string]ergon.Dispatcher
	work  func(ctx context.Context, tx ergon.TransactionOf[request]) error
}

// where is the metadata that says to which connector an output goes.
const where = "where"

var errNotYet = errors.New("not at the first delivery")

func (t *hopping) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[request]) ([]ergon.Transaction, error) {
	if err := t.work(ctx, tx); err != nil {
		return nil, err
	}
	made := request{Number: tx.Body.Number, Deliveries: tx.Delivery().Count}
	var outputs []ergon.Transaction
	for name := range t.to {
		id := "" // the engine's, which is the same each time
		if name != "out" {
			id = rand.Text()
		}
		outputs = append(outputs, ergon.NewTransaction(id, made).WithMetadata(where, name))
	}
	return outputs, nil
}

func (t *hopping) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[request]) error {
	name, _ := tx.Metadata(where)
	return t.to[name].DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction})
}

func (t *hopping) HandleProcessException(
	_ context.Context, _ ergon.Transaction, cause *ergon.TransactionError,
) (ergon.Disposition, error) {
	if errors.Is(cause, errNotYet) {
		return ergon.Requeue(10 * time.Millisecond), nil
	}
	return ergon.Disposition{}, nil
}

// work is what happens in the middle of the pipeline.
func (s Setup) work(ctx context.Context, tx ergon.TransactionOf[request]) error {
	n := tx.Body.Number
	if s.slow(n) {
		select {
		case <-time.After(s.Pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	switch {
	case s.Poison > 0 && n == s.Poison:
		return killSelf()
	case refused(n):
		return ergon.Business(fmt.Errorf("number %d is refused", n))
	case triedTwice(n) && tx.Delivery().Count == 1:
		return errNotYet
	default:
		return nil
	}
}

func killSelf() error {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		return fmt.Errorf("kill this process: %w", err)
	}
	select {} // until it takes effect
}

func (s Setup) sink(context.Context, ergon.TransactionOf[request]) error { return nil }
