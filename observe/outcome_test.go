package observe_test

import (
	"testing"

	"github.com/ergon-go/ergon/observe"
)

func TestEveryOutcomeHasAWordOfItsOwn(t *testing.T) {
	seen := map[string]observe.Outcome{}
	for o := observe.Succeeded; o <= observe.Failed; o++ {
		if before, known := seen[o.String()]; known || o.String() == "" {
			t.Errorf("%d and %d are both %q", before, o, o)
		}
		seen[o.String()] = o
	}
	if got := (observe.Failed + 1).String(); got != "outcome(8)" {
		t.Errorf("what is no outcome is %q, want outcome(8)", got)
	}
}
