package config_test

import (
	"errors"
	"os"
	"testing"

	"github.com/ergon-go/ergon/config"
)

// [C1]
func TestAllFaultsOfAFileAreReportedAtOnce(t *testing.T) {
	data, err := os.ReadFile("testdata/five-faults.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("ergon.yaml", data, registry(), environment())
	if c != nil || err == nil {
		t.Fatalf("Parse = %v, %v; want no configuration and an error", c, err)
	}
	golden(t, "testdata/five-faults.txt", []byte(err.Error()+"\n"))

	var faults config.Faults
	if !errors.As(err, &faults) || len(faults) != 5 {
		t.Errorf("got %d faults, want 5", len(faults))
	}
	var first config.Fault
	if !errors.As(err, &first) || first.Line != 4 || first.Col != 11 || first.Path != "tasks.triage.task" {
		t.Errorf("first fault = %+v, want the one at 4:11 of tasks.triage.task", first)
	}
}
