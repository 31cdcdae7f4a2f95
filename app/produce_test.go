package app_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
)

// counting produces the numbers from 1 to 20.
type counting struct{ drain ergon.Dispatcher }

func (c *counting) Transactions(context.Context) iter.Seq2[ergon.Transaction, error] {
	return func(yield func(ergon.Transaction, error) bool) {
		for i := range 20 {
			if !yield(number(i+1), nil) {
				return
			}
		}
	}
}

// PrepareTransaction refuses unlucky numbers.
func (c *counting) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[input]) error {
	if tx.Body.Number == 17 {
		return ergon.Business(errors.New("17 is unlucky"))
	}
	return c.drain.DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction})
}

// doubling makes two of each number.
type doubling struct{ drain ergon.Dispatcher }

func (d *doubling) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[input]) ([]ergon.Transaction, error) {
	return []ergon.Transaction{
		ergon.NewTransaction("", output{Square: tx.Body.Number}),
		ergon.NewTransaction("twice", []byte("plain")).WithMetadata("of", tx.ID()),
	}, nil
}

func (d *doubling) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[any]) error {
	return d.drain.DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction})
}

func producingRegistry() *config.Registry {
	reg := registry()
	reg.Task("math.count", func(d *ergon.Dependencies) ergon.Task {
		return ergon.Produce(&counting{drain: ergon.UseConnector[ergon.Dispatcher](d, "numbers")})
	}, "produces numbers, but for unlucky ones")
	reg.Task("math.double", func(d *ergon.Dependencies) ergon.Task {
		return ergon.Hybrid(&doubling{drain: ergon.UseConnector[ergon.Dispatcher](d, "numbers")})
	}, "makes two of each number")
	return reg
}

const producingTasks = `tasks:
  count:
    task: math.count
    connectors: {numbers: {type: drain}}
    producer: {loop: {concurrency: {value: 1}}}
  double:
    task: math.double
    connectors:
      input: {type: numbers, count: 10}
      numbers: {type: drain}
      dead_letters: {type: drain}
`

// [B1, B3] Tasks that produce are seen for what they are, need no more than they use, and are summed up in their own words.
func TestTasksThatProduceAreListedRunAndSummedUp(t *testing.T) {
	for name, c := range map[string]struct {
		args string
		code int
	}{
		"produce-list": {"list", 0}, "produce-lint": {"lint", 0},
		"produce-run": {"run count", 1}, "produce-run-json": {"run count --output json", 1}, "produce-limit": {"run count --limit 5", 0},
		"produce-hybrid":         {"run double", 0},
		"produce-process":        {`process-transaction count --id n --payload-json {"number":3}`, 0},
		"produce-process-failed": {`process-transaction count --id n --payload-json {"number":17}`, 1},
		"produce-process-hybrid": {`process-transaction double --id n --payload-json {"number":3}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, producingTasks)
			words := strings.Fields(c.args + " --log-level error")
			got := call{settings: app.Settings{Registry: producingRegistry()}, args: words}.do(t)
			if got.code != c.code {
				t.Errorf("code %d, want %d; stderr %s", got.code, c.code, got.stderr)
			}
			golden(t, name+".txt", timeless(got.script(words)))
		})
	}
}
