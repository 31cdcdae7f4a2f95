package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/ergon-go/ergon/examples/flights"
	"github.com/ergon-go/ergon/examples/flights/airports"
)

// unpacked is a file of the example.
func unpacked(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(text)
}

// flights are read on a way of its own.
var flights = sync.OnceValues(func() (all []main.Flight, err error) {
	text, err := unpacked("data/flights-20k.json.gz")
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	return all, err
})

// atlas is the airports of the example.
func atlas(t *testing.T) *airports.Service {
	t.Helper()
	s := airports.NewService(os.DirFS("."), "data/airports.csv.gz")
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDataIsWhatTheReadmeSays(t *testing.T) {
	all, err := flights()
	late := 0
	for _, f := range all {
		if f.Delay > 60 {
			late++
		}
	}
	if err != nil || len(all) != 20_000 || late != 1_089 {
		t.Errorf("%d flights, %d of them late, %v; want 20000, 1089", len(all), late, err)
	}
	text, err := unpacked("data/airports.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	if lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll(); err != nil || len(lines) != 1+3_376 {
		t.Errorf("%d lines of airports, %v; want 3376 and the names", len(lines), err)
	}
}

// The tolerance is not wider than it has to be by much: the flight that uses most of it uses a third.
func TestStatedDistancesOfAllFlightsAreThoseOfTheGreatCircle(t *testing.T) {
	known := atlas(t)
	all, err := flights()
	if err != nil {
		t.Fatal(err)
	}
	var most airports.Miles
	for i, f := range all {
		from, ok := known.Airport(f.Origin)
		to, there := known.Airport(f.Destination)
		computed := airports.Distance(from, to)
		if !ok || !there || !computed.Agrees(f.Distance) {
			t.Errorf("flight %d from %s to %s: stated %v miles, computed %v", i, f.Origin, f.Destination, f.Distance, computed)
		}
		most = max(most, max(f.Distance-computed, computed-f.Distance)-0.005*f.Distance)
	}
	if most < 0.6 || most > 0.7 {
		t.Errorf("beyond 0.5 %%, distances differ by up to %.2f miles, want 0.61", most)
	}
}
