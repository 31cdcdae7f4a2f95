package main

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/examples/flights/airports"
)

// Atlas knows airports.
type Atlas interface {
	Airport(code string) (airports.Airport, bool)
}

// Assess makes a claim of each late flight. It is a hybrid: it consumes flights, and what it returns is prepared, which here
// is to be sent. The queues of flights and of claims are in one file, so that the claim and the acknowledgement of its flight
// are one step: whenever a worker dies, there is no claim twice and none is missing.
type Assess struct {
	Claims   ergon.Dispatcher
	Airports Atlas
}

// NewAssess makes the task with what the configuration calls claims and airports.
func NewAssess(d *ergon.Dependencies) ergon.Task {
	return ergon.Hybrid(&Assess{
		Claims:   ergon.UseConnector[ergon.Dispatcher](d, "claims"),
		Airports: ergon.UseService[Atlas](d, "airports"),
	})
}

// ProcessTransaction checks a flight, whether it is late or not. A record that makes no sense is BUSINESS: a dead letter.
func (a *Assess) ProcessTransaction(_ context.Context, flight ergon.TransactionOf[Flight]) ([]ergon.Transaction, error) {
	route, err := flight.Body.check(a.Airports)
	if err != nil {
		return nil, ergon.Business(err)
	}
	if !flight.Body.late() {
		return nil, nil
	}
	return []ergon.Transaction{ergon.NewTransaction("", newClaim(flight.ID(), flight.Body, route))}, nil
}

// PrepareTransaction sends a claim.
func (a *Assess) PrepareTransaction(ctx context.Context, claim ergon.TransactionOf[Claim]) error {
	return a.Claims.DispatchTransactions(ctx, []ergon.Transaction{claim.Transaction})
}
