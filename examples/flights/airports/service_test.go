package airports_test

import (
	"bytes"
	"compress/gzip"
	"math"
	"os"
	"testing"
	"testing/fstest"

	"github.com/ergon-go/ergon/examples/flights/airports"
)

// open returns the service with the airports that the example has.
func open(t *testing.T) *airports.Service {
	t.Helper()
	s := airports.NewService(os.DirFS("../data"), "airports.csv.gz")
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAirportsAreKnownByTheirCode(t *testing.T) {
	s := open(t)
	want := airports.Airport{
		Code: "SFO", Name: "San Francisco International", City: "San Francisco", State: "CA", Latitude: 37.61900194, Longitude: -122.3748433,
	}
	if got, ok := s.Airport("SFO"); !ok || got != want {
		t.Errorf("got %+v, %v, want %+v", got, ok, want)
	}
	if got, ok := s.Airport("XXX"); ok || got != (airports.Airport{}) {
		t.Errorf("got %+v, %v, want none", got, ok)
	}
}

func TestDistanceIsThatOfTheGreatCircle(t *testing.T) {
	at := func(latitude, longitude float64) airports.Airport {
		return airports.Airport{Latitude: latitude, Longitude: longitude}
	}
	const circumference = 2 * math.Pi * 3958.761
	for name, c := range map[string]struct {
		from, to airports.Airport
		want     float64
	}{
		"nowhere":                   {at(10, 20), at(10, 20), 0},
		"a quarter of the equator":  {at(0, 0), at(0, 90), circumference / 4},
		"a degree of a meridian":    {at(50, 7), at(51, 7), circumference / 360},
		"over the pole":             {at(80, 0), at(80, 180), circumference / 18},
		"to the other side":         {at(30, -60), at(-30, 120), circumference / 2},
		"across the date line":      {at(0, 179.5), at(0, -179.5), circumference / 360},
		"a thousandth of a degree":  {at(40, -100), at(40.001, -100), circumference / 360_000},
		"the same the other way":    {at(0, 90), at(0, 0), circumference / 4},
		"New York to Los Angeles":   {at(40.63975111, -73.77892556), at(33.94253611, -118.4080744), 2469.5},
		"Washington to Los Angeles": {at(38.94453194, -77.45580972), at(33.94253611, -118.4080744), 2282.6},
	} {
		if got := float64(airports.Distance(c.from, c.to)); math.Abs(got-c.want) > 0.001*max(c.want, 0.001) {
			t.Errorf("%s: got %.4f miles, want %.4f", name, got, c.want)
		}
	}
}

func TestStatedDistanceMayDifferByTwoMilesAndHalfAPercent(t *testing.T) {
	for stated, want := range map[airports.Miles]bool{
		1000: true, 1007.03: true, 1007.05: false, 993.04: true, 993.02: false, 0: false, -1000: false,
	} {
		if got := airports.Miles(1000).Agrees(stated); got != want {
			t.Errorf("1000 miles and stated %v: got %v, want %v", stated, got, want)
		}
	}
	if !airports.Miles(0.5).Agrees(2) || airports.Miles(0.5).Agrees(3) {
		t.Error("near airports may differ by 2 miles, and no more")
	}
}

func TestFileThatIsNoListOfAirportsIsRefused(t *testing.T) {
	const names = "iata,name,city,state,country,latitude,longitude\n"
	for name, text := range map[string]string{
		"empty":        "",
		"other":        names + "SFO,San Francisco\n",
		"no position":  names + "SFO,San Francisco,San Francisco,CA,USA,north,-122\n",
		"not complete": names + `SFO,"San`,
	} {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		files := fstest.MapFS{"a.gz": {Data: packed.Bytes()}, "plain.gz": {Data: []byte(names)}}
		if err := airports.NewService(files, "a.gz").Open(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
		for _, path := range []string{"plain.gz", "none.gz"} {
			if err := airports.NewService(files, path).Open(t.Context()); err == nil {
				t.Errorf("%s: no error", path)
			}
		}
	}
}
