package main

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
)

type Order struct {
	Number   string `json:"number"`
	NetCents int64  `json:"net_cents"`
}

type Invoice struct {
	Order      string `json:"order"`
	TotalCents int64  `json:"total_cents"`
}

// Invoicing is the business logic. The source of orders, the sink for invoices and the policies are configuration.
type Invoicing struct{ Invoices ergon.Dispatcher }

func NewInvoicing(d *ergon.Dependencies) ergon.Task {
	return ergon.Consume(&Invoicing{Invoices: ergon.UseConnector[ergon.Dispatcher](d, "invoices")})
}

func (t *Invoicing) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[Order]) (Invoice, error) {
	if tx.Body.NetCents <= 0 { // a rule rejects it: unlike other errors, this is not retried
		return Invoice{}, ergon.Business(fmt.Errorf("the net amount is %d cents", tx.Body.NetCents))
	}
	return Invoice{Order: tx.Body.Number, TotalCents: tx.Body.NetCents * 120 / 100}, nil
}

func (t *Invoicing) HandleProcessSuccess(ctx context.Context, tx ergon.TransactionOf[Order], invoice Invoice) error {
	return t.Invoices.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction(tx.ID(), invoice)})
}
