package main

import "github.com/ergon-go/ergon/examples/birdstrikes/energy"

// Strike is a report of an aircraft that hit an animal: a record of the FAA's file, with its names. No rule uses the
// columns that are not here.
//
//nolint:tagliatelle // the names are those of the file
type Strike struct {
	Airport  string      `json:"Airport Name"`
	Aircraft string      `json:"Aircraft Make Model"`
	Damage   Damage      `json:"Effect Amount of damage"`
	Date     string      `json:"Flight Date"` // 1990-01-08
	Operator string      `json:"Aircraft Airline Operator"`
	Size     energy.Size `json:"Wildlife Size"`
	Species  string      `json:"Wildlife Species"`
	Cost     int64       `json:"Cost Total $"`
	Knots    *float64    `json:"Speed IAS in knots"` // nil if the report has no speed
}

// Damage is the damage to the aircraft.
type Damage string

// The known codes. The meaning of any other code is unknown.
const (
	DamageNone        Damage = "None"
	DamageMinor       Damage = "Minor"
	DamageMedium      Damage = "Medium"
	DamageSubstantial Damage = "Substantial"
)

// Known reports whether d is one of the four known codes.
func (d Damage) Known() bool {
	switch d {
	case DamageNone, DamageMinor, DamageMedium, DamageSubstantial:
		return true
	default:
		return false
	}
}
