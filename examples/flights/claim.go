package main

import (
	"math"

	"github.com/ergon-go/ergon/examples/flights/airports"
)

// Claim is a claim of the passengers of a late flight.
type Claim struct {
	Flight       string   `json:"flight"` // id of the transaction: the same however often the flight is processed
	Departure    string   `json:"departure"`
	DelayMinutes int      `json:"delay_minutes"`
	From         endpoint `json:"from"`
	To           endpoint `json:"to"`
	// Miles are as stated, GreatCircleMiles as computed.
	Miles            airports.Miles `json:"miles"`
	GreatCircleMiles airports.Miles `json:"great_circle_miles"`
}

type endpoint struct {
	Code  string `json:"code"`
	Name  string `json:"name"`
	City  string `json:"city"`
	State string `json:"state"`
}

func newClaim(id string, f Flight, r route) Claim {
	return Claim{
		Flight: id, Departure: r.departure.Format("2006-01-02 15:04"), DelayMinutes: f.Delay,
		From: endpointAt(r.from), To: endpointAt(r.to),
		Miles: f.Distance, GreatCircleMiles: airports.Miles(math.Round(float64(r.greatCircleMiles)*10) / 10),
	}
}

func endpointAt(a airports.Airport) endpoint {
	return endpoint{Code: a.Code, Name: a.Name, City: a.City, State: a.State}
}
