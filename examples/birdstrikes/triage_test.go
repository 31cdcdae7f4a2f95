package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/examples/birdstrikes"
	"github.com/ergon-go/ergon/examples/birdstrikes/energy"
)

// estimator answers 5,000 J, or with an error, and remembers what it was asked.
type estimator struct {
	asked []energy.Impact
	err   error
}

func (e *estimator) Estimate(_ context.Context, of energy.Impact) (energy.Joules, error) {
	e.asked = append(e.asked, of)
	return 5000, e.err
}

// outbox remembers what was sent.
type outbox struct{ sent []ergon.Transaction }

func (o *outbox) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	o.sent = append(o.sent, batch...)
	return nil
}

func triage(t *testing.T, e *estimator, o *outbox) ergon.Task {
	t.Helper()
	d := ergon.NewDependencies(map[string]any{"tickets": o}, map[string]any{"energy": e}, nil)
	task := main.NewTriage(d)
	if err := errors.Join(d.Err(), task.Validate()); err != nil {
		t.Fatal(err)
	}
	return task
}

// strike is the transaction of a severe strike with some of its columns changed; nil takes one out.
func strike(t *testing.T, changes map[string]any) ergon.Transaction {
	t.Helper()
	record := map[string]any{
		"Airport Name": "DULLES", "Aircraft Make Model": "B-737-300", "Effect Amount of damage": "Substantial",
		"Flight Date": "1990-01-11", "Aircraft Airline Operator": "MILITARY", "Origin State": "Virginia",
		"Wildlife Size": "Large", "Wildlife Species": "Canada goose", "Cost Total $": 1234, "Speed IAS in knots": 140,
	}
	maps.Copy(record, changes)
	payload, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return ergon.NewTransaction("strikes.csv:5", payload)
}

// run processes a transaction as the engine would, once.
func run(t *testing.T, task ergon.Task, tx ergon.Transaction) error {
	t.Helper()
	result, err := task.Process(t.Context(), tx)
	if err != nil {
		return err
	}
	return task.Success(t.Context(), tx, result)
}

func TestSevereStrikeBecomesATicketWithItsEnergy(t *testing.T) {
	service, tickets := &estimator{}, &outbox{}
	if err := run(t, triage(t, service, tickets), strike(t, nil)); err != nil {
		t.Fatal(err)
	}
	if want := []energy.Impact{{Report: "strikes.csv:5", Size: energy.Large, Knots: 140}}; !slices.Equal(service.asked, want) {
		t.Errorf("asked %v, want %v", service.asked, want)
	}
	if len(tickets.sent) != 1 || tickets.sent[0].ID() != "strikes.csv:5" {
		t.Fatalf("sent %v, want one with the id of the strike", tickets.sent)
	}
	got, err := json.Marshal(tickets.sent[0].Payload())
	want := `{"id":"strikes.csv:5","severity":"critical","airport":"DULLES","date":"1990-01-11","operator":"MILITARY",` +
		`"aircraft":"B-737-300","species":"Canada goose","damage":"Substantial","cost":1234,"impact_energy_joules":5000}`
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestStrikeWithoutSpeedBecomesATicketWithoutEnergy(t *testing.T) {
	service, tickets := &estimator{}, &outbox{}
	if err := run(t, triage(t, service, tickets), strike(t, map[string]any{"Speed IAS in knots": nil})); err != nil {
		t.Fatal(err)
	}
	if len(service.asked) != 0 || len(tickets.sent) != 1 {
		t.Fatalf("asked %d times, sent %d tickets; want 0 and 1", len(service.asked), len(tickets.sent))
	}
	if ticket, err := json.Marshal(tickets.sent[0].Payload()); err != nil || strings.Contains(string(ticket), "impact_energy") {
		t.Errorf("got %s, %v; want no energy", ticket, err)
	}
}

func TestStrikeThatIsNotSevereNeedsNeitherTicketNorEnergy(t *testing.T) {
	service, tickets := &estimator{}, &outbox{}
	if err := run(t, triage(t, service, tickets), strike(t, map[string]any{"Effect Amount of damage": "Minor"})); err != nil {
		t.Fatal(err)
	}
	if len(service.asked) != 0 || len(tickets.sent) != 0 {
		t.Errorf("asked %d times, sent %d tickets; want neither", len(service.asked), len(tickets.sent))
	}
}

func TestDamageCodeThatIsNotKnownIsARuleThatSaysNo(t *testing.T) {
	for _, code := range []any{"C", "", "substantial", nil} {
		service, tickets := &estimator{}, &outbox{}
		err := run(t, triage(t, service, tickets), strike(t, map[string]any{"Effect Amount of damage": code}))
		if err == nil || ergon.CategoryOf(err) != ergon.CategoryBusiness || len(service.asked)+len(tickets.sent) > 0 {
			t.Errorf("%v: got %v, want BUSINESS and nothing done", code, err)
		}
	}
}

func TestEnergyServiceThatFailsIsWorthAnotherAttempt(t *testing.T) {
	tickets := &outbox{}
	err := run(t, triage(t, &estimator{err: energy.ErrUnavailable}, tickets), strike(t, nil))
	if !errors.Is(err, energy.ErrUnavailable) || ergon.CategoryOf(err) != ergon.CategorySystem || len(tickets.sent) != 0 {
		t.Errorf("got %v and %d tickets, want a SYSTEM error and none", err, len(tickets.sent))
	}
}

func TestTriageNamesEverythingThatItMisses(t *testing.T) {
	d := ergon.NewDependencies(map[string]any{"tickets": "not a dispatcher"}, nil, nil)
	main.NewTriage(d)
	for _, want := range []string{`"tickets"`, `"energy"`} {
		if err := d.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}
