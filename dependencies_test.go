package ergon_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
)

type sink struct{}

func (*sink) DispatchTransactions(context.Context, []ergon.Transaction) error { return nil }

var _ ergon.Dispatcher = (*sink)(nil)

func TestDependenciesAreFoundByTheirOwnTypeAndByInterface(t *testing.T) {
	tickets, clock := &sink{}, fmt.Sprint
	d := ergon.NewDependencies(map[string]any{"tickets": tickets}, map[string]any{"print": clock, "rate": 0.5}, nil)
	if got := ergon.UseConnector[ergon.Dispatcher](d, "tickets"); got != ergon.Dispatcher(tickets) {
		t.Errorf("dispatcher is %v", got)
	}
	if got := ergon.UseConnector[*sink](d, "tickets"); got != tickets {
		t.Errorf("sink is %v", got)
	}
	if got := ergon.UseService[func(...any) string](d, "print"); got == nil || got("a") != "a" {
		t.Error("service that is a function was not found")
	}
	if got := ergon.UseService[float64](d, "rate"); got != 0.5 {
		t.Errorf("rate is %v", got)
	}
	if err := d.Err(); err != nil {
		t.Errorf("faults: %v", err)
	}
}

func TestAllFaultsOfDependenciesAreReportedAtOnce(t *testing.T) {
	d := ergon.NewDependencies(map[string]any{"out": &sink{}, "in": 7, "none": nil}, nil, nil)
	if got := ergon.UseConnector[ergon.Dispatcher](d, "tickets"); got != nil {
		t.Errorf("missing connector is %v", got)
	}
	if got := ergon.UseConnector[ergon.Fetcher](d, "out"); got != nil {
		t.Errorf("connector without the capability is %v", got)
	}
	ergon.UseConnector[*sink](d, "in")
	ergon.UseConnector[*sink](d, "none")
	if got := ergon.UseService[int](d, "count"); got != 0 {
		t.Errorf("missing service is %v", got)
	}
	d.Fault(errOwn)
	d.Fault(nil)
	err := d.Err()
	if err == nil {
		t.Fatal("no faults")
	}
	want := []string{
		`connector "tickets" is not configured; configured are ["in" "none" "out"]`,
		`connector "out" is a *ergon_test.sink, which is not the ergon.Fetcher that the task needs`,
		`connector "in" is a int, which is not the *ergon_test.sink that the task needs`,
		`connector "none" is a <nil>, which is not the *ergon_test.sink that the task needs`,
		`service "count" is not configured; configured are []`,
		`limit must be set`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestLoggerIsTheWorkersOrTheDefault(t *testing.T) {
	logger := slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil))
	if got := ergon.NewDependencies(nil, nil, logger).Logger(); got != logger {
		t.Error("logger is not the one that was given")
	}
	if got := ergon.NewDependencies(nil, nil, nil).Logger(); got != slog.Default() {
		t.Error("logger is not the default")
	}
}

func TestNewTaskConfigHasValidDefaultsAndMapsToAddTo(t *testing.T) {
	config := ergon.NewTaskConfig("triage", func(*ergon.Dependencies) ergon.Task { return ergon.Consume(processOnly{}) })
	if config.Name != "triage" || config.New(nil).Validate() != nil {
		t.Errorf("got %+v", config)
	}
	for name, err := range map[string]error{
		"consumer": config.Consumer.Validate(), "workers": config.Workers.Validate(), "shutdown": config.Shutdown.Validate(),
	} {
		if err != nil {
			t.Errorf("default %s: %v", name, err)
		}
	}
	config.Connectors["input"], config.Services["clock"] = ergon.Component{Type: "memory"}, ergon.Component{Type: "clock"}
	if another := ergon.NewTaskConfig("other", nil); len(another.Connectors)+len(another.Services) != 0 {
		t.Error("two configurations share their maps")
	}
}
