package ergon_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

func TestBatchErrorNamesTheFirstOfTheFailedItems(t *testing.T) {
	err := &ergon.BatchError{Failures: map[int]error{12: errors.New("twelve"), 3: errBoom, 7: capability.ErrStaleDelivery}}
	if got, want := err.Error(), "3 items of the batch failed, the first is item 3: boom"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := err.Unwrap(), []error{errBoom, capability.ErrStaleDelivery, err.Failures[12]}; !slices.Equal(got, want) {
		t.Errorf("errors are %v, want %v", got, want)
	}
	if !errors.Is(err, capability.ErrStaleDelivery) {
		t.Error("errors.Is does not reach the failure of an item")
	}
}

func TestBatchErrorWithoutFailuresSaysSo(t *testing.T) {
	for _, err := range []*ergon.BatchError{{}, {Failures: map[int]error{}}} {
		if got, want := err.Error(), "no item of the batch failed"; got != want || len(err.Unwrap()) != 0 {
			t.Errorf("got %q, %v, want %q", got, err.Unwrap(), want)
		}
	}
}

func TestSettleActionIsWrittenAsItsName(t *testing.T) {
	for action, want := range map[policy.SettleAction]string{
		policy.SettleAck: "ack", policy.SettleRequeue: "requeue", policy.SettleReject: "reject",
	} {
		if got := action.String(); got != want {
			t.Errorf("%d is %q, want %q", action, got, want)
		}
	}
	if got := (capability.Settlement{}).Action; got != policy.SettleAck {
		t.Errorf("zero settlement is %s, want ack", got)
	}
}

// [S1]
func TestDispositionSaysWhatIsToBeDone(t *testing.T) {
	for name, c := range map[string]struct {
		disposition ergon.Disposition
		text        string
		delay       time.Duration
	}{
		"zero":             {ergon.Disposition{}, "", 0},
		"dead letter":      {ergon.DeadLetter(), "dead_letter", 0},
		"discard":          {ergon.Discard(), "discard", 0},
		"requeue":          {ergon.Requeue(time.Second), "requeue", time.Second},
		"requeue at once":  {ergon.Requeue(0), "requeue", 0},
		"requeue too soon": {ergon.Requeue(-time.Second), "requeue", 0},
	} {
		if got := c.disposition; got.String() != c.text || got.Delay() != c.delay {
			t.Errorf("%s: got %q after %s, want %q after %s", name, got, got.Delay(), c.text, c.delay)
		}
	}
	if ergon.DeadLetter() == ergon.Discard() || ergon.Requeue(1) == ergon.Requeue(2) {
		t.Error("dispositions do not compare by what they say")
	}
}
