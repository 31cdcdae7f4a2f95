package main_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// records reads the file on a way of its own, each record by the names of the columns, in order.
var records = sync.OnceValues(func() ([]map[string]string, error) {
	file, err := os.Open("data/birdstrikes.csv.gz")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	lines, err := csv.NewReader(text).ReadAll()
	if err != nil {
		return nil, err
	}
	var all []map[string]string
	for _, line := range lines[1:] {
		record := map[string]string{}
		for column, name := range lines[0] {
			record[name] = line[column]
		}
		all = append(all, record)
	}
	return all, nil
})

// expected is what has to come of the file: the severity of each ticket and the damage code of each dead letter, by id.
type expected struct{ tickets, deadLetters map[string]string }

func expectation(t *testing.T) expected {
	t.Helper()
	all, err := records()
	if err != nil {
		t.Fatal(err)
	}
	want := expected{tickets: map[string]string{}, deadLetters: map[string]string{}}
	for i, record := range all {
		id := idOf(i)
		damage := record["Effect Amount of damage"]
		cost, err := strconv.Atoi(record["Cost Total $"])
		switch {
		case err != nil:
			t.Fatalf("%s: %v", id, err)
		case !slices.Contains([]string{"None", "Minor", "Medium", "Substantial"}, damage):
			want.deadLetters[id] = damage
		case damage == "Substantial" || cost >= 100_000:
			want.tickets[id] = "critical"
		case damage == "Medium" || cost >= 10_000:
			want.tickets[id] = "major"
		}
	}
	return want
}

// idOf is the short form of a record's id: the first is on line 2, and none spans lines.
func idOf(i int) string { return fmt.Sprintf("birdstrikes.csv:%d", i+2) }

// place is the short form of an id.
func place(id string) string {
	name, rest, _ := strings.Cut(id, "@")
	_, line, _ := strings.Cut(rest, ":")
	line, _, _ = strings.Cut(line, "-")
	return name + ":" + line
}

func TestDataIsWhatTheReadmeSays(t *testing.T) {
	all, err := records()
	want := expectation(t)
	if err != nil || len(all) != 10_000 || len(want.tickets) != 538 || len(want.deadLetters) != 15 {
		t.Errorf("%d records, %d tickets, %d dead letters, %v; want 10000, 538, 15", len(all), len(want.tickets), len(want.deadLetters), err)
	}
}

func TestMassesAreThoseOfTheBirdsThatAreNamedMostOften(t *testing.T) {
	all, err := records()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]map[string]int{"Small": {}, "Medium": {}, "Large": {}}
	for _, record := range all {
		if species := record["Wildlife Species"]; !strings.HasPrefix(species, "Unknown") {
			named[record["Wildlife Size"]][species]++
		}
	}
	for size, bird := range map[string]string{"Small": "European starling", "Medium": "Red-tailed hawk", "Large": "Canada goose"} {
		for species, times := range named[size] {
			if species != bird && times >= named[size][bird] {
				t.Errorf("%s: %s is named %d times, %s %d times", size, species, times, bird, named[size][bird])
			}
		}
	}
}
