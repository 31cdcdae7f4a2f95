// Package energy estimates the energy with which an animal hits an aircraft. It stands for a service of other people, which is
// called over a network and sometimes fails.
package energy

import (
	"fmt"
	"math"

	"github.com/ergon-go/ergon"
)

// Joules is an energy.
type Joules float64

// Size is the size of the animal as the pilot saw it.
type Size string

// The sizes of the FAA's form.
const (
	Small  Size = "Small"
	Medium Size = "Medium"
	Large  Size = "Large"
)

// metersPerSecond is the value of a knot.
const metersPerSecond = 0.514444

// Impact has the known facts about a collision.
type Impact struct {
	// Report is the id of its report.
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
