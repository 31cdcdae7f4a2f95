package runner_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/runner"
)

type quote struct{ Cents int }

// pricing doubles quotes and sends them on.
type pricing struct{ out ergon.Dispatcher }

func newPricing(d *ergon.Dependencies) ergon.Task {
	return ergon.Consume(&pricing{out: ergon.UseConnector[ergon.Dispatcher](d, "out")})
}

func (p *pricing) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[quote]) (quote, error) {
	if tx.Body.Cents < 0 {
		return quote{}, ergon.Business(errors.New("the price is negative"))
	}
	return quote{Cents: 2 * tx.Body.Cents}, nil
}

func (p *pricing) HandleProcessSuccess(ctx context.Context, tx ergon.TransactionOf[quote], priced quote) error {
	return p.out.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction(tx.ID(), priced)})
}

// printer is a connector that prints what is dispatched to it.
type printer struct{}

func (printer) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	for _, tx := range batch {
		fmt.Println(tx.ID(), tx.Payload())
	}
	return nil
}

// component is a connector that exists already.
func component(value any) ergon.Component {
	return ergon.Component{Type: "example", New: func() (any, error) { return value, nil }}
}

// A whole program without YAML: what the task is connected to and its policies are Go. In main, the context comes from
// [runner.Signals] and the error goes to [runner.ExitCode].
func Example() {
	in := memory.New(memory.Settings{Transactions: []ergon.Transaction{
		ergon.NewTransaction("a", quote{Cents: 100}), ergon.NewTransaction("b", quote{Cents: -1}),
	}})
	rejected := memory.New(memory.Settings{})

	cfg := ergon.NewTaskConfig("pricing", newPricing)
	cfg.Connectors["in"], cfg.Connectors["out"], cfg.Connectors["rejected"] = component(in), component(printer{}), component(rejected)
	cfg.Consumer.Fetch.Connector = "in"
	cfg.Consumer.Loop.DeadLetter = "rejected"
	cfg.Consumer.Process.Retry.Timeout = 5 * time.Second

	snapshot, err := runner.RunTask(context.Background(), cfg, runner.Settings{})
	fmt.Println(snapshot.Outcomes[runner.Succeeded], "succeeded,", snapshot.Outcomes[runner.DeadLettered], "dead-lettered,", err)
	// Output:
	// a {200}
	// 1 succeeded, 1 dead-lettered, <nil>
}
