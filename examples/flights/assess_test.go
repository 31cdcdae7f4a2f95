package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/examples/flights"
)

// outbox remembers what was sent.
type outbox struct{ sent []ergon.Transaction }

func (o *outbox) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	o.sent = append(o.sent, batch...)
	return nil
}

// made is a task with what it needs.
func made(t *testing.T, task func(*ergon.Dependencies) ergon.Task, connector string, o *outbox) ergon.Task {
	t.Helper()
	d := ergon.NewDependencies(map[string]any{connector: o}, map[string]any{"airports": atlas(t)}, nil)
	made := task(d)
	if err := errors.Join(d.Err(), made.Validate()); err != nil {
		t.Fatal(err)
	}
	return made
}

// late is a flight with a claim, changed.
func late(t *testing.T, change func(*main.Flight)) ergon.Transaction {
	t.Helper()
	f := main.Flight{Date: "2001/01/01 00:47", Delay: 61, Distance: 1750, Origin: "DTW", Destination: "LAS"}
	change(&f)
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return ergon.NewTransaction("flight-00001", text)
}

func TestFlightHasAClaimFromTheSixtyFirstMinute(t *testing.T) {
	task := made(t, main.NewAssess, "claims", &outbox{})
	for delay, want := range map[int]int{-5: 0, 0: 0, 60: 0, 61: 1, 500: 1} {
		inbound := late(t, func(f *main.Flight) { f.Delay = delay })
		result, err := task.Process(t.Context(), inbound)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := task.Outbound(inbound, result)
		if err != nil || len(claims) != want {
			t.Fatalf("%d minutes: %d claims, %v, want %d", delay, len(claims), err, want)
		}
	}
}

func TestClaimTellsBothEndsOfTheFlightAndBothDistances(t *testing.T) {
	var sent outbox
	task := made(t, main.NewAssess, "claims", &sent)
	inbound := late(t, func(*main.Flight) {})
	for range 2 { // processed once more, it is the same
		result, err := task.Process(t.Context(), inbound)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := task.Outbound(inbound, result)
		if err != nil {
			t.Fatal(err)
		}
		if err := task.Prepare(t.Context(), claims[0]); err != nil {
			t.Fatal(err)
		}
	}
	const want = `{"flight":"flight-00001","departure":"2001-01-01 00:47","delay_minutes":61,` +
		`"from":{"code":"DTW","name":"Detroit Metropolitan-Wayne County","city":"Detroit","state":"MI"},` +
		`"to":{"code":"LAS","name":"McCarran International","city":"Las Vegas","state":"NV"},"miles":1750,"great_circle_miles":1745.1}`
	for _, claim := range sent.sent {
		text, err := json.Marshal(claim.Payload())
		if claim.ID() != "flight-00001/0" || err != nil {
			t.Errorf("got id %q, %v, want flight-00001/0", claim.ID(), err)
		}
		if diff := cmp.Diff(want, string(text)); diff != "" {
			t.Errorf("claim (-want +got):\n%s", diff)
		}
	}
}

func TestFlightThatMakesNoSenseIsRefusedWithAllThatIsWrong(t *testing.T) {
	task := made(t, main.NewAssess, "claims", &outbox{})
	for name, c := range map[string]struct {
		change func(*main.Flight)
		want   []string
	}{
		"date":   {func(f *main.Flight) { f.Date = "2001-01-01" }, []string{`date "2001-01-01" is not written as 2006/01/02 15:04`}},
		"no day": {func(f *main.Flight) { f.Date = "2001/02/30 10:00" }, []string{"date"}},
		"distance": {
			func(f *main.Flight) { f.Distance = 1760 },
			[]string{"distance from DTW to LAS is stated as 1760 miles, the great circle is 1745.1"},
		},
		"airports": {
			func(f *main.Flight) { f.Origin, f.Destination = "XXX", "" },
			[]string{`unknown airport "XXX"`, `unknown airport ""`},
		},
		"everything": {
			func(f *main.Flight) { *f = main.Flight{Destination: "LAS", Delay: 61} },
			[]string{"date", `unknown airport ""`},
		},
	} {
		_, err := task.Process(t.Context(), late(t, c.change))
		if ergon.CategoryOf(err) != ergon.CategoryBusiness {
			t.Errorf("%s: got %v, want a BUSINESS error", name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %q, want %q in it", name, err, want)
			}
		}
	}
}

func TestIngestProducesEveryFlightWithTheSameIDsEachTime(t *testing.T) {
	want, err := flights()
	if err != nil {
		t.Fatal(err)
	}
	var sent outbox
	task := made(t, main.NewIngest, "flights", &sent)
	i := 0
	for tx, err := range task.Transactions(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 || i == len(want)-1 {
			if err := task.Prepare(t.Context(), tx); err != nil {
				t.Fatal(err)
			}
		}
		i++
	}
	if i != 20_000 {
		t.Errorf("%d transactions, want 20000", i)
	}
	var ids []string
	for _, tx := range sent.sent {
		ids = append(ids, tx.ID())
	}
	if !slices.Equal(ids, []string{"flight-00001", "flight-20000"}) {
		t.Errorf("got ids %q", ids)
	}
	var last main.Flight
	text, _ := sent.sent[1].Payload().(json.RawMessage)
	if err := json.Unmarshal(text, &last); err != nil || last != want[len(want)-1] {
		t.Errorf("got %+v, %v, want %+v", last, err, want[len(want)-1])
	}
}
