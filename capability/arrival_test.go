package capability_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// [I3] A step that is repeated is the same arrival, and no other step is.
func TestArrivalTellsWhereATransactionCameFrom(t *testing.T) {
	tx := ergon.NewTransaction("a", nil)
	first := capability.NextArrival(tx, "letters", "7")
	if again := capability.NextArrival(tx, "letters", "7"); again != first {
		t.Errorf("the same step is %s and then %s", first, again)
	}
	if !strings.HasPrefix(first, "1-") || len(first) != len("1-0123456789abcdef") {
		t.Errorf("got %q, want a count and 16 digits", first)
	}
	second := capability.NextArrival(tx.WithArrival(first), "letters", "7")
	if !strings.HasPrefix(second, "2-") {
		t.Errorf("got %q after %q, want a count of 2", second, first)
	}
	others := map[string]string{
		"another key": capability.NextArrival(tx, "letters", "8"), "another store": capability.NextArrival(tx, "letter", "s7"),
		"no count":           capability.NextArrival(tx.WithArrival("x"), "letters", "7"),
		"another one before": capability.NextArrival(tx.WithArrival("1-ffffffffffffffff"), "letters", "7"),
	}
	for name, other := range others {
		if other == first || other == second {
			t.Errorf("%s: it is taken for the same arrival", name)
		}
	}
}

// [I3] Of several edits the content before the first is remembered, and each is a generation.
func TestEditRemembersWhatWasSaidFirst(t *testing.T) {
	first := capability.ContentDigestOf([]byte("one"), nil)
	tx := capability.Edited(ergon.NewTransaction("a", []byte("one")), []byte("two"), first)
	tx = capability.Edited(tx, []byte("three"), capability.ContentDigestOf([]byte("two"), nil))
	got, edited := capability.FirstContent(maps.Collect(tx.AllMetadata()))
	if !edited || got != first {
		t.Errorf("got %s, %v, want %s", got, edited, first)
	}
	if tx.Generation() != 2 || string(tx.Payload().([]byte)) != "three" {
		t.Errorf("got generation %d of %s, want the second of three", tx.Generation(), tx.Payload())
	}
	if _, edited := capability.FirstContent(maps.Collect(tx.WithGeneration(0).AllMetadata())); edited {
		t.Error("what derives from an edited transaction is taken for edited")
	}
	for _, metadata := range []map[string]string{nil, {"ergon.content": "x"}, {"ergon.content": "ff"}} {
		if _, edited := capability.FirstContent(metadata); edited {
			t.Errorf("%v is taken for a digest", metadata)
		}
	}
}
