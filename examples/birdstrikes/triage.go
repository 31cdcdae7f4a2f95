package main

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/examples/birdstrikes/energy"
)

// Estimator estimates the energy of an impact.
type Estimator interface {
	Estimate(ctx context.Context, of energy.Impact) (energy.Joules, error)
}

// Triage reads reports of wildlife strikes and writes tickets for the severe ones. It knows nothing about files, retries,
// timeouts, concurrency or dead letters: the configuration sets them, and Ergon does the work.
type Triage struct {
	Tickets ergon.Dispatcher
	Energy  Estimator
}

var (
	_ ergon.ConsumerTask[Strike, Ticket]          = (*Triage)(nil)
	_ ergon.ProcessSuccessHandler[Strike, Ticket] = (*Triage)(nil)
)

// NewTriage makes the task with the connector "tickets" and the service "energy" of the configuration.
func NewTriage(d *ergon.Dependencies) ergon.Task {
	return ergon.Consume(&Triage{
		Tickets: ergon.UseConnector[ergon.Dispatcher](d, "tickets"),
		Energy:  ergon.UseService[Estimator](d, "energy"),
	})
}

// ProcessTransaction judges a strike. An unknown damage code is BUSINESS: another attempt would not know it either, so the report
// becomes a dead letter at once. A failure of the energy service is retried.
func (t *Triage) ProcessTransaction(ctx context.Context, strike ergon.TransactionOf[Strike]) (Ticket, error) {
	if !strike.Body.Damage.Known() {
		return Ticket{}, ergon.Business(fmt.Errorf("damage code %q is not None, Minor, Medium or Substantial", strike.Body.Damage))
	}
	ticket := newTicket(strike)
	if knots := strike.Body.Knots; ticket.Severity.NeedsTicket() && knots != nil {
		joules, err := t.Energy.Estimate(ctx, energy.Impact{Report: strike.ID(), Size: strike.Body.Size, Knots: *knots})
		if err != nil {
			return Ticket{}, fmt.Errorf("estimate the impact energy: %w", err)
		}
		ticket.ImpactEnergy = &joules
	}
	return ticket, nil
}

// HandleProcessSuccess sends the ticket, if the strike needs one. It is a separate step: if the ticket cannot be written, that is
// retried, and the strike is not judged again. The ticket has the id of the strike, so a reader can recognise a second one.
func (t *Triage) HandleProcessSuccess(ctx context.Context, _ ergon.TransactionOf[Strike], ticket Ticket) error {
	if !ticket.Severity.NeedsTicket() {
		return nil
	}
	return t.Tickets.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction(ticket.ID, ticket)})
}
