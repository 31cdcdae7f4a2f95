package ergon_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

type Flight struct {
	Number string
	Late   int // minutes
}

// Ingest loads flights into a queue.
type Ingest struct {
	Flights []Flight
	Queue   ergon.Dispatcher
}

// The compiler checks the optional methods.
var _ ergon.TransactionSource = (*Ingest)(nil)

// Transactions yields what a run produces. The run takes the next one when it has capacity, so there could be millions.
func (i *Ingest) Transactions(context.Context) iter.Seq2[ergon.Transaction, error] {
	return func(yield func(ergon.Transaction, error) bool) {
		for _, flight := range i.Flights {
			if !yield(ergon.NewTransaction(flight.Number, flight), nil) {
				return
			}
		}
	}
}

func (i *Ingest) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[Flight]) error {
	if tx.Body.Number == "" {
		return ergon.Business(errors.New("a flight needs a number"))
	}
	return i.Queue.DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction})
}

// A producing task needs no source: a run prepares its transactions.
func ExampleProduce() {
	queue := memory.New(memory.Settings{})
	cfg := ergon.NewTaskConfig("ingest", func(d *ergon.Dependencies) ergon.Task {
		return ergon.Produce(&Ingest{
			Flights: []Flight{{"OS 101", 5}, {"OS 102", 75}, {"OS 103", 130}},
			Queue:   ergon.UseConnector[ergon.Dispatcher](d, "flights"),
		})
	})
	cfg.Connectors["flights"] = ergon.Component{New: func() (any, error) { return queue, nil }}
	cfg.Producer.Loop.Throttle = policy.Throttle{Rate: 1000, Burst: 100}

	summary, err := runner.RunTask(context.Background(), cfg, runner.Settings{})
	waiting, _ := queue.CountTransactions(context.Background())
	fmt.Println(summary.Produced, "produced,", waiting, "in the queue,", err)
	// Output:
	// 3 produced, 3 in the queue, <nil>
}

// The same without a task configuration, from any code. The error names the transactions that could not be prepared.
func ExampleProduce_fromAnyCode() {
	flights := slices.Values([]Flight{{"OS 101", 5}, {"", 75}})
	transactions := func(yield func(ergon.Transaction, error) bool) {
		for flight := range flights {
			if !yield(ergon.NewTransaction("flight "+flight.Number, flight), nil) {
				return
			}
		}
	}
	task := ergon.Produce(&Ingest{Queue: memory.New(memory.Settings{})})
	summary, err := runner.ProduceTransactions(
		context.Background(), "load", task, transactions, policy.DefaultProducer(), runner.Settings{Logger: silent()})
	fmt.Println(summary.Produced, "produced")
	fmt.Println(err)
	// Output:
	// 1 produced
	// a transaction was not produced: transaction flight : prepare: BUSINESS: a flight needs a number
}
