package deadletter_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

func TestADropOfEveryLetterIsConfirmed(t *testing.T) {
	if err := (deadletter.Filter{}).ValidateDrop(); !errors.Is(err, deadletter.ErrNothingSelected) {
		t.Errorf("an empty filter: got %v, want ErrNothingSelected", err)
	}
	if err := (deadletter.Filter{Keys: []string{}}).ValidateDrop(); !errors.Is(err, deadletter.ErrNothingSelected) {
		t.Errorf("a list without keys: got %v, want ErrNothingSelected", err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, filter := range map[string]deadletter.Filter{
		"all":                {All: true},
		"keys":               {Keys: []string{"1"}},
		"task":               {Task: "t"},
		"phase":              {Phase: policy.PhaseDecode},
		"fingerprint":        {Fingerprint: "f"},
		"the first category": {Category: new(ergon.Category)},
		"failed after":       {FailedAfter: at},
		"failed before":      {FailedBefore: at},
	} {
		if err := filter.ValidateDrop(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
