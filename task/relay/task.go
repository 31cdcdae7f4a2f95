package relay

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ergon-go/ergon"
)

// Output is the name of the connector for results. A task without this connector drops them.
const Output = "output"

// Service answers transactions. It is called concurrently. If it is an ergon.Closer, it is closed when the task ends.
type Service interface {
	// Call returns the answer to tx. payload is its payload as bytes. An answer of length 0 is valid and is not sent on. The errors
	// are those of [ergon.ConsumerTask].
	Call(ctx context.Context, tx ergon.Transaction, payload []byte) (result []byte, err error)
}

type task struct {
	service Service
	output  ergon.Dispatcher // nil for none
}

var (
	_ ergon.ConsumerTask[any, []byte]          = (*task)(nil)
	_ ergon.ProcessSuccessHandler[any, []byte] = (*task)(nil)
)

// New makes the task for a service. The service may be nil if the caller has reported the reason to d; the task then never runs.
func New(d *ergon.Dependencies, service Service) ergon.Task {
	t := &task{service: service}
	if d.HasConnector(Output) {
		t.output = ergon.UseConnector[ergon.Dispatcher](d, Output)
	}
	return ergon.Consume(t)
}

// ProcessTransaction calls the service.
func (t *task) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[any]) ([]byte, error) {
	payload, err := text(tx.Body)
	if err != nil {
		return nil, ergon.Business(err)
	}
	return t.service.Call(ctx, tx.Transaction, payload)
}

// HandleProcessSuccess sends the result to the output. The result has the metadata of the transaction, and an id that is derived
// as for a hybrid task. So if two tasks answer the same transaction, the ids of their answers differ. A task can also send its
// answers into its own input.
func (t *task) HandleProcessSuccess(ctx context.Context, tx ergon.TransactionOf[any], result []byte) error {
	if t.output == nil || len(result) == 0 {
		return nil
	}
	sent := tx.WithPayload(result).WithArrival("").WithGeneration(0).WithDerivedID(tx.OutputID(ctx, 0))
	return t.output.DispatchTransactions(ctx, []ergon.Transaction{sent})
}

// Exit closes the service.
func (t *task) Exit(ctx context.Context) error {
	if closer, ok := t.service.(ergon.Closer); ok {
		return closer.Close(ctx)
	}
	return nil
}

// text returns a payload as another program reads it: bytes and text as they are, everything else as JSON.
func text(payload any) ([]byte, error) {
	switch p := payload.(type) {
	case nil:
		return nil, nil
	case []byte:
		return p, nil
	case string:
		return []byte(p), nil
	default:
		encoded, err := json.Marshal(payload)
		if err != nil {
			return nil, fmt.Errorf("the payload, a %T, cannot be written as JSON: %w", payload, err)
		}
		return encoded, nil
	}
}
