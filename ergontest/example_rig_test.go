package ergontest_test //nolint:testableexamples // what it shows is the body of a test, which TestExampleOfARig runs

import (
	"context"
	"errors"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/ergontest"
)

type invoice struct {
	Order string
	Cents int64
}

type invoicing struct {
	rates    *rates
	invoices ergon.Dispatcher
}

func newInvoicing(d *ergon.Dependencies) ergon.Task {
	return ergon.Consume(&invoicing{
		rates: ergon.UseService[*rates](d, "rates"), invoices: ergon.UseConnector[ergon.Dispatcher](d, "invoices"),
	})
}

func (t *invoicing) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[int64]) (invoice, error) {
	percent, err := t.rates.VAT(ctx)
	return invoice{Order: tx.ID(), Cents: tx.Body * (100 + percent) / 100}, err
}

func (t *invoicing) HandleProcessSuccess(ctx context.Context, tx ergon.TransactionOf[int64], made invoice) error {
	return t.invoices.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction(tx.ID(), made)})
}

// rates is a fake service that follows a script.
type rates struct{ script *ergontest.Script }

func (r *rates) VAT(ctx context.Context) (int64, error) { return 20, r.script.Next(ctx) }

// A test of a task: the service hangs once and fails once, and the order is still invoiced.
func ExampleRig() {
	t := exampleT // func TestOrderIsInvoicedAlthoughTheRatesAreUnavailable(t *testing.T)

	invoices := &ergontest.Sink{}
	rig := ergontest.NewRig(newInvoicing)
	rig.Connectors["invoices"] = invoices
	rig.Services["rates"] = &rates{script: ergontest.NewScript(ergontest.Hang(), ergontest.Fail(errors.New("unavailable")))}
	rig.Policy.Process.Retry.Timeout = 5 * time.Second
	rig.Policy.Process.Retry.Backoff = time.Second

	result := rig.Run(t, ergon.NewTransaction("A-1001", int64(1000))).Results[0]
	if result.Outcome != ergontest.Succeeded {
		t.Fatalf("got %s: %v", result.Outcome, result.Err)
	}
	if got := result.Attempts[2].Start; got != 8*time.Second { // 5s until the timeout, 1s, then 2s after the failure
		t.Errorf("the third attempt began after %s, want 8s", got)
	}
	if got := invoices.Payloads()[0]; got != (invoice{Order: "A-1001", Cents: 1200}) {
		t.Errorf("got %+v", got)
	}
}
