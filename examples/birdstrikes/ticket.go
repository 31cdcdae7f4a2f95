package main

import (
	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/examples/birdstrikes/energy"
)

// Ticket describes a severe strike to the people who examine it.
type Ticket struct {
	ID       string   `json:"id"` // of the transaction: the same if the strike is processed again
	Severity Severity `json:"severity"`
	Airport  string   `json:"airport"`
	Date     string   `json:"date"`
	Operator string   `json:"operator"`
	Aircraft string   `json:"aircraft"`
	Species  string   `json:"species"`
	Damage   Damage   `json:"damage"`
	Cost     int64    `json:"cost"` // in dollars
	// ImpactEnergy is absent if the speed is unknown.
	ImpactEnergy *energy.Joules `json:"impact_energy_joules,omitempty"`
}

// newTicket returns a ticket without the energy, which comes from the service.
func newTicket(strike ergon.TransactionOf[Strike]) Ticket {
	s := strike.Body
	return Ticket{
		ID: strike.ID(), Severity: s.Severity(), Airport: s.Airport, Date: s.Date, Operator: s.Operator,
		Aircraft: s.Aircraft, Species: s.Species, Damage: s.Damage, Cost: s.Cost,
	}
}
