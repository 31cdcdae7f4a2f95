package ergon_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/runner"
)

type Claim struct {
	Flight string
	Euros  int
}

// Claims turns late flights into claims: a flight makes one claim or none.
type Claims struct{ Claims ergon.Dispatcher }

func (c *Claims) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[Flight]) ([]ergon.Transaction, error) {
	if tx.Body.Late <= 60 {
		return nil, nil
	}
	return []ergon.Transaction{ergon.NewTransaction("", Claim{Flight: tx.Body.Number, Euros: 2 * tx.Body.Late})}, nil
}

func (c *Claims) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[Claim]) error {
	return c.Claims.DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction})
}

// Printer is a connector that prints what is dispatched to it.
type Printer struct{}

func (Printer) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	for _, tx := range batch {
		fmt.Println(tx.ID(), tx.Payload())
	}
	return nil
}

// A hybrid task consumes one transaction and produces others. A flight is acknowledged when its claim is durable. The
// id of the claim derives from the id of the flight, the task and the queue, so a second delivery of a flight makes the same claim.
func ExampleHybrid() {
	flights := memory.New(memory.Settings{Name: "flights", Finite: true, Transactions: []ergon.Transaction{
		ergon.NewTransaction("OS 101", Flight{"OS 101", 5}),
		ergon.NewTransaction("OS 102", Flight{"OS 102", 75}),
		ergon.NewTransaction("OS 103", Flight{"OS 103", 130}),
	}})
	cfg := ergon.NewTaskConfig("claims", func(d *ergon.Dependencies) ergon.Task {
		return ergon.Hybrid(&Claims{Claims: ergon.UseConnector[ergon.Dispatcher](d, "claims")})
	})
	for name, connector := range map[string]any{"input": flights, "claims": Printer{}, "dead_letters": memory.New(memory.Settings{})} {
		cfg.Connectors[name] = ergon.Component{New: func() (any, error) { return connector, nil }}
	}
	cfg.Consumer.Loop.Concurrency.Value = 1

	summary, err := runner.RunTask(context.Background(), cfg, runner.Settings{Logger: silent()})
	fmt.Println(summary.Fetched, "flights,", summary.Produced, "claims,", err)
	// Output:
	// OS 102/claims/flights/0 {OS 102 150}
	// OS 103/claims/flights/0 {OS 103 260}
	// 3 flights, 2 claims, <nil>
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }
