package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/capability"
)

// halfway sends its result and fails afterwards, unless it is mended.
type halfway struct {
	to     ergon.Dispatcher
	mended *bool
}

func (h *halfway) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[input]) (output, error) {
	made := ergon.NewTransaction("x", []byte("1")).WithDerivedID(tx.OutputID(ctx, 0))
	if err := h.to.DispatchTransactions(ctx, []ergon.Transaction{made}); err != nil || *h.mended {
		return output{}, err
	}
	return output{}, ergon.Business(errors.New("no further"))
}

// [I3] [B3] A dead letter that is run again is the same work: what it had sent before it failed is known. Edited it is other work.
func TestReplayOfADeadLetterSendsNothingTwice(t *testing.T) {
	halfwayHouse := strings.Replace(warehouseConfig, "task: math.square", "task: halfway", 1)
	in(t, strings.Replace(halfwayHouse, "name: closed", "name: open", 1))
	w := &warehouse{}
	mended := false
	reg := w.registry()
	reg.Task("halfway", func(d *ergon.Dependencies) ergon.Task {
		return ergon.Consume(&halfway{ergon.UseConnector[ergon.Dispatcher](d, "other"), &mended})
	}, "sends and fails")
	numbers := w.shelf("numbers")
	numbers.in[capability.StateReady] = []ergon.Transaction{number(4), number(6)}
	sent := func(args string, want int) {
		t.Helper()
		got := call{settings: app.Settings{Registry: reg}, args: strings.Fields(args + " --log-level error")}.do(t)
		if n := len(w.shelf("open").in[capability.StateReady]); got.code != 0 || n != want {
			t.Fatalf("%s: code %d, %d results, want %d; %s%s", args, got.code, n, want, got.stdout, got.stderr)
		}
	}
	sent("run square", 2)
	if len(w.letters) != 2 {
		t.Fatalf("got %d letters, want 2", len(w.letters))
	}
	mended = true
	sent("replay square L1", 2)
	sent("replay square "+w.letters[0].Key+` --payload-json {"number":8}`, 3)
	if len(w.letters) != 0 {
		t.Errorf("got %d letters, want none", len(w.letters))
	}
}
