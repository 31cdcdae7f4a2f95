package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/ergon-go/ergon/examples/flights/airports"
)

// Flight is a record of the Bureau of Transportation Statistics.
type Flight struct {
	Date        string         `json:"date"`     // 2001/01/31 17:05, on the clock of the origin
	Delay       int            `json:"delay"`    // in minutes, negative if it was early
	Distance    airports.Miles `json:"distance"` // as stated
	Origin      string         `json:"origin"`   // code of the IATA
	Destination string         `json:"destination"`
}

const dateLayout = "2006/01/02 15:04"

// claimFrom is the delay, in minutes, beyond which passengers have a claim.
const claimFrom = 60

// late reports whether there is a claim.
func (f Flight) late() bool { return f.Delay > claimFrom }

// route has the airports of a flight whose record is consistent.
type route struct {
	departure        time.Time
	from, to         airports.Airport
	greatCircleMiles airports.Miles
}

// check returns every contradiction in the record. Another attempt would find the same ones.
func (f Flight) check(atlas Atlas) (route, error) {
	var r route
	var faults []error
	var err error
	if r.departure, err = time.Parse(dateLayout, f.Date); err != nil {
		faults = append(faults, fmt.Errorf("date %q is not written as %s", f.Date, dateLayout))
	}
	var known [2]bool
	for i, code := range []string{f.Origin, f.Destination} {
		if (*[2]*airports.Airport{&r.from, &r.to}[i]), known[i] = atlas.Airport(code); !known[i] {
			faults = append(faults, fmt.Errorf("unknown airport %q", code))
		}
	}
	r.greatCircleMiles = airports.Distance(r.from, r.to)
	if known[0] && known[1] && !r.greatCircleMiles.Agrees(f.Distance) {
		faults = append(faults, fmt.Errorf("distance from %s to %s is stated as %.0f miles, the great circle is %.1f",
			f.Origin, f.Destination, f.Distance, r.greatCircleMiles))
	}
	return r, errors.Join(faults...)
}
