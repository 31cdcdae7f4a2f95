package relay_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/ergontest"
	"github.com/ergon-go/ergon/task/relay"
)

// shout is a service.
type shout struct{ closed int }

func (*shout) Call(_ context.Context, _ ergon.Transaction, payload []byte) ([]byte, error) {
	if len(payload) == 0 {
		return nil, ergon.Business(errors.New("there is nothing to shout"))
	}
	return bytes.TrimSuffix(bytes.ToUpper(payload), []byte("HUSH")), nil
}

func (s *shout) Close(context.Context) error {
	s.closed++
	return nil
}

func rigOf(service relay.Service) (*ergontest.Rig, *ergontest.Sink) {
	rig, output := ergontest.NewRig(func(d *ergon.Dependencies) ergon.Task { return relay.New(d, service) }), &ergontest.Sink{}
	rig.Connectors[relay.Output] = output
	return rig, output
}

// [B3] Its id derives from that of what it answers. How that one arrived, and of which generation it is, stays with it.
func TestResultGoesToTheOutputUnderAnIDThatDerivesFromWhatItAnswers(t *testing.T) {
	service := &shout{}
	rig, output := rigOf(service)
	report := rig.Run(t, ergon.NewTransaction("t-1", []byte("hello")).WithMetadata("tenant", "north").
		WithGeneration(2).WithArrival("1-0"))
	if report.Err != nil || report.Results[0].Outcome != ergontest.Succeeded {
		t.Fatalf("got %+v", report)
	}
	sent := output.Transactions()
	if len(sent) != 1 || sent[0].ID() != "t-1/0.2" || !sent[0].HasDerivedID() || string(sent[0].Payload().([]byte)) != "HELLO" {
		t.Fatalf("sent %v", sent)
	}
	if tenant, _ := sent[0].Metadata("tenant"); tenant != "north" {
		t.Errorf("tenant is %q", tenant)
	}
	if sent[0].Generation() != 0 || sent[0].Arrival() != "" {
		t.Errorf("the result has generation %d and arrival %q of what it answers", sent[0].Generation(), sent[0].Arrival())
	}
	if service.closed != 1 {
		t.Errorf("the service was closed %d times, want once", service.closed)
	}
}

func TestPayloadIsGivenAsText(t *testing.T) {
	rig, output := rigOf(&shout{})
	rig.Run(t,
		ergon.NewTransaction("text", "hello"), ergon.NewTransaction("bytes", []byte("hello")),
		ergon.NewTransaction("else", map[string]int{"a": 1}),
	)
	got := map[string]string{}
	for _, tx := range output.Transactions() {
		got[tx.ID()] = string(tx.Payload().([]byte))
	}
	if diff := cmp.Diff(map[string]string{"text/0": "HELLO", "bytes/0": "HELLO", "else/0": `{"A":1}`}, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestNothingIsSentWhereThereIsNoResultOrNoOutput(t *testing.T) {
	rig, output := rigOf(&shout{})
	if got := rig.Run(t, ergon.NewTransaction("t-1", "hush")); got.Results[0].Outcome != ergontest.Succeeded {
		t.Errorf("got %v", got.Results[0].Err)
	}
	if sent := output.Transactions(); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
	delete(rig.Connectors, relay.Output)
	if got := rig.Run(t, ergon.NewTransaction("t-1", "hello")); got.Results[0].Outcome != ergontest.Succeeded {
		t.Errorf("got %v", got.Results[0].Err)
	}
}

func TestPayloadThatCannotBeGivenIsABusinessError(t *testing.T) {
	for name, payload := range map[string]any{
		"unreadable": errors.New("line 3 has no end"), "no text": func() {}, "refused by the service": nil,
	} {
		rig, _ := rigOf(&shout{})
		result := rig.Run(t, ergon.NewTransaction("t-1", payload)).Results[0]
		if result.Outcome != ergontest.DeadLettered || ergon.CategoryOf(result.Err) != ergon.CategoryBusiness || len(result.Attempts) > 1 {
			t.Errorf("%s: got %s, %v", name, result.Outcome, result.Err)
		}
	}
}
