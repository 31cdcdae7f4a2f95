package main

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/examples/birdstrikes/energy"
)

// Estimator knows what energy an impact had.
type Estimator interface {
	Estimate(ctx context.Context, of energy.Impact) (energy.Joules, error)
}

// Triage reads reports of wildlife strikes and writes tickets for the severe ones. It has no word about files, retries,
// timeouts, concurrency or dead letters: that is for the configuration to say and for Ergon to do.
type Triage struct {
	Tickets ergon.Dispatcher
	Energy  Estimator
}

var (
	_ ergon.ConsumerTask[Strike, Ticket]          = (*Triage)(nil)
	_ ergon.ProcessSuccessHandler[Strike, Ticket] = (*Triage)(nil)
)

// NewTriage makes the task with what the configuration calls tickets and energy.
func NewTriage(d *ergon.Dependencies) ergon.Task {
	return ergon.Consume(&Triage{
		Tickets: ergon.UseConnector[ergon.Dispatcher](d, "tickets"),
		Energy:  ergon.UseService[Estimator](d, "energy"),
	})
}

// ProcessTransaction judges a strike. A damage code that it does not know is BUSINESS: no other attempt would know it, so
// the report becomes a dead letter at once. When the energy service fails, that is tried again.
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

// HandleProcessSuccess sends the ticket, where one is needed. It is a step of its own, so that a ticket that cannot be
// written is written again, and the strike not judged again. The ticket has the strike's id: sent twice, it can be told.
func (t *Triage) HandleProcessSuccess(ctx context.Context, _ ergon.TransactionOf[Strike], ticket Ticket) error {
	if !ticket.Severity.NeedsTicket() {
		return nil
	}
	return t.Tickets.DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction(ticket.ID, ticket)})
}
