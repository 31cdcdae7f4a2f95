package main_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/ergontest"
	program "github.com/ergon-go/ergon/examples/invoicing"
)

// rigOf is the task with the policies of ergon.yaml, and without its files.
func rigOf(t *testing.T) (*ergontest.Rig, *ergontest.Sink) {
	t.Helper()
	c, err := config.Parse("ergon.yaml", read(t, "ergon.yaml"), program.Registry(), config.OSEnvironment("."))
	if err != nil {
		t.Fatal(err)
	}
	rig, invoices := ergontest.NewRig(program.NewInvoicing), &ergontest.Sink{}
	rig.Policy = c.Tasks[0].Consumer
	rig.Connectors["invoices"] = invoices
	return rig, invoices
}

func order(number string, cents int64) ergon.Transaction {
	return ergon.NewTransaction(number, program.Order{Number: number, NetCents: cents})
}

func TestInvoiceThatCannotBeWrittenIsWrittenLater(t *testing.T) {
	rig, invoices := rigOf(t)
	invoices.Script = ergontest.NewScript(ergontest.Fail(errors.New("the disk is full")), ergontest.Hang())
	result := rig.Run(t, order("A-1001", 1000)).Results[0]
	if result.Outcome != ergontest.Succeeded {
		t.Fatalf("got %s: %v", result.Outcome, result.Err)
	}
	// One attempt that fails, 200ms, one that hangs for 30s, 400ms, one that succeeds: the default of the success handler.
	if got, want := result.Attempts[3].Start, 200*time.Millisecond+30*time.Second+400*time.Millisecond; got != want {
		t.Errorf("it was written after %s, want %s", got, want)
	}
	if got, want := invoices.Payloads()[0], (program.Invoice{Order: "A-1001", TotalCents: 1200}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestOrderOfNothingIsDeadAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		cents int64
		want  ergontest.Outcome
	}{
		"one cent": {1, ergontest.Succeeded}, "nothing": {0, ergontest.DeadLettered}, "less than nothing": {-700, ergontest.DeadLettered},
	} {
		t.Run(name, func(t *testing.T) {
			rig, _ := rigOf(t)
			result := rig.Run(t, order("A-1001", c.cents)).Results[0]
			if result.Outcome != c.want {
				t.Fatalf("got %s: %v", result.Outcome, result.Err)
			}
			if c.want == ergontest.DeadLettered && len(result.Attempts) != 1 {
				t.Errorf("got %d attempts, want one: %v", len(result.Attempts), result.Attempts)
			}
		})
	}
}
