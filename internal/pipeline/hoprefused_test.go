package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// refusingHopper fails a whole call that has an output with one of these ids, as a store does for which the call is one
// statement.
type refusingHopper struct {
	*store

	refuses []string
	with    error
}

func (s *refusingHopper) HopTransactions(ctx context.Context, batch []capability.Hop) error {
	for _, hop := range batch {
		for _, output := range hop.Outputs {
			if slices.ContainsFunc(output.Transactions, func(tx ergon.Transaction) bool { return slices.Contains(s.refuses, tx.ID()) }) {
				return s.with
			}
		}
	}
	return s.store.HopTransactions(ctx, batch)
}

// newRefusingHop has forty transactions, of which one call settles all. Every fourth fails.
func newRefusingHop(with error, refuses ...string) (*rig, *refusingHopper, *storeSink) {
	var ids []string
	for i := range 40 {
		ids = append(ids, fmt.Sprintf("%02d", i))
	}
	r, s, claims := newHopRig(nil, 1, ids...)
	hopper := &refusingHopper{store: s, refuses: refuses, with: with}
	r.Source, r.DeadLetters, r.Policy.Loop.DeadLetter = hopper, s.storeSink("letters"), "letters"
	r.Policy.Loop.Mode, r.Policy.Loop.Batch.Size, r.Policy.Loop.Concurrency.Value = policy.ModeBatch, len(ids), len(ids)
	process := r.Handlers.Process
	r.Handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
		if fails(tx.ID()) {
			return nil, ergon.Business(errScripted)
		}
		return process(ctx, tx)
	}
	return r, hopper, claims
}

func fails(id string) bool { return (int(id[0]-'0')*10+int(id[1]-'0'))%4 == 0 }

// wantSorted wants what is on a storeSink, in any order.
func wantSorted(t *testing.T, what, got string, want []string) {
	t.Helper()
	ids := strings.Fields(got)
	slices.Sort(ids)
	if !slices.Equal(ids, want) {
		t.Errorf("%s: got %v, want %v", what, ids, want)
	}
}

// wanted is what is to be there of forty transactions, some of whose letters or outputs are refused.
func wanted(refuses []string) (outputs, letters []string, left int64) {
	for i := range 40 {
		id := fmt.Sprintf("%02d", i)
		switch refused := slices.Contains(refuses, id) || slices.Contains(refuses, id+"/0"); {
		case !fails(id) && !refused:
			outputs = append(outputs, id+"/0")
		case !fails(id) || !refused:
			letters = append(letters, id)
		default:
			left++
		}
	}
	return outputs, letters, left
}

// [S2] [B3] A store that refuses one letter, or some outputs, refuses the whole call by which they hop, whatever it says. The
// call is halved: the neighbours are durable, letters and outputs alike, each once. A refused letter's transaction stays with
// its source; refused outputs fail theirs, whose letter is written.
func TestRefusedHopsTakeNoNeighboursAlong(t *testing.T) {
	for said, with := range map[string]error{
		"for good": ergon.Permanent(errors.New("the row breaks a rule")), "without a word": errors.New("bad row"),
	} {
		for name, refuses := range map[string][]string{
			"a letter": {"16"}, "the first": {"00"}, "the last": {"39/0"}, "an output": {"17/0"}, "both": {"08", "09/0", "10/0", "36"},
		} {
			t.Run(name+" "+said, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { refuseHops(t, with, refuses) })
			})
		}
	}
}

func refuseHops(t *testing.T, with error, refuses []string) {
	t.Helper()
	r, s, claims := newRefusingHop(with, refuses...)
	outputs, letters, left := wanted(refuses)
	began := time.Now()
	if left > 0 {
		r.runLeaving(t, "")
	} else {
		r.run(t)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the loop took %s, and waited for what would come back for ever", took)
	}
	kept := s.sinks[1]
	wantSorted(t, "outputs", claims.ids(), outputs)
	wantSorted(t, "letters", kept.ids(), letters)
	got := r.consumer.Snapshot()
	if got.Outcomes[pipeline.DeadLettered] != int64(len(letters)) || got.Unwritten != left ||
		got.Outcomes[pipeline.Succeeded] != int64(len(outputs)) {
		t.Errorf("got %v and %d unwritten", got.Outcomes, got.Unwritten)
	}
	for _, tx := range kept.txs {
		record, _ := tx.Payload().(deadletter.Record)
		if want := map[bool]policy.Phase{true: policy.PhaseProcess, false: policy.PhasePrepare}[fails(tx.ID())]; record.Phase != want {
			t.Errorf("the letter of %s is of phase %s, want %s", tx.ID(), record.Phase, want)
		}
	}
	if n, _ := s.CountTransactions(t.Context()); n != left {
		t.Errorf("the source holds %d, want %d", n, left)
	}
}
