package main

import (
	"context"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/examples/flights/airports"
)

// Atlas finds airports by their code.
type Atlas interface {
	Airport(code string) (airports.Airport, bool)
}

// Assess makes a claim of each late flight. It is a hybrid: it consumes flights, and prepares the claims that it returns by
// sending them. The queues of flights and claims are in one file, so the claim and the acknowledgement of its flight are one
// step. Whenever a worker dies, no claim is missing and none is there twice.
type Assess struct {
	Claims   ergon.Dispatcher
	Airports Atlas
}

// NewAssess makes the task with the connector "claims" and the service "airports" of the configuration.
func NewAssess(d *ergon.Dependencies) ergon.Task {
	return ergon.Hybrid(&Assess{
		Claims:   ergon.UseConnector[ergon.Dispatcher](d, "claims"),
		Airports: ergon.UseService[Atlas](d, "airports"),
	})
}

// ProcessTransaction checks every flight, late or not. A contradictory record is BUSINESS and becomes a dead letter.
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
