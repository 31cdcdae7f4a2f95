// Package energy estimates what energy an animal hits an aircraft with. It stands for a service that other people run: it
// is asked over a network in real life, and it fails now and then.
package energy

import (
	"fmt"
	"math"

	"github.com/ergon-go/ergon"
)

// Joules is an energy.
type Joules float64

// Size is how large the animal looked to the pilot.
type Size string

// The sizes of the FAA's form.
const (
	Small  Size = "Small"
	Medium Size = "Medium"
	Large  Size = "Large"
)

// metersPerSecond is a knot.
const metersPerSecond = 0.514444

// Impact is what is known of a collision.
type Impact struct {
	// Report is the id of the report that tells of it.
	Report string
	// Size stands for the mass.
	Size Size
	// Knots is the indicated airspeed.
	Knots float64
}

// energy is ½·m·v², in whole joules. It is an estimate, good for sorting and for nothing finer: one mass stands for a
// class of animals, and the indicated airspeed for the speed at which the two met.
func (i Impact) energy() (Joules, error) {
	mass, err := i.Size.kilograms()
	if err != nil {
		return 0, err
	}
	v := i.Knots * metersPerSecond
	return Joules(math.Round(mass * v * v / 2)), nil
}

// kilograms is the mass that stands for a size. A report has no mass, so each size gets that of the bird that the reports
// in data/birdstrikes.csv.gz name most often with it, as an adult, rounded from what handbooks of birds give (such as J. B.
// Dunning's "CRC Handbook of Avian Body Masses"). Most reports name no species at all, and a deer is Large as well.
func (s Size) kilograms() (float64, error) {
	switch s {
	case Small:
		return 0.08, nil // European starling
	case Medium:
		return 1.1, nil // red-tailed hawk
	case Large:
		return 4, nil // Canada goose
	default:
		return 0, ergon.Business(fmt.Errorf("wildlife size %q is not Small, Medium or Large", s))
	}
}
