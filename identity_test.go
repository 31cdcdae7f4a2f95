package ergon_test

import (
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
)

// [I3] Both counters travel in the metadata, and the first of each leaves nothing behind.
func TestGenerationAndArrivalTravelInTheMetadata(t *testing.T) {
	tx := ergon.NewTransaction("a", nil).WithMetadata("k", "v")
	if tx.Generation() != 0 || tx.Arrival() != "" {
		t.Errorf("a new one has generation %d and arrival %q, want 0 and none", tx.Generation(), tx.Arrival())
	}
	again := tx.WithGeneration(2).WithArrival("1-00ff")
	if again.Generation() != 2 || again.Arrival() != "1-00ff" || tx.Generation() != 0 {
		t.Errorf("got generation %d and arrival %q, want 2 and 1-00ff, and the first one unchanged", again.Generation(), again.Arrival())
	}
	n := 0
	for range again.WithGeneration(0).WithArrival("").AllMetadata() {
		n++
	}
	if n != 1 {
		t.Errorf("%d metadata are left, want only k", n)
	}
	for _, wrong := range []string{"x", "-3", ""} {
		if got := tx.WithMetadata("ergon.generation", wrong).Generation(); got != 0 {
			t.Errorf("generation %q counts as %d, want 0", wrong, got)
		}
	}
}

// [I2] Only a derived id has an alternate one, and the mark ends where the value does.
func TestOnlyADerivedIDHasAnAlternateID(t *testing.T) {
	digest := [16]byte{0xab, 15: 0xcd}
	tx := ergon.NewTransaction("", "out").WithDerivedID("a/0")
	if got, want := tx.WithMetadata("k", "v").AlternateID(digest), "a/0~ab0000000000000000000000000000cd"; tx.ID() != "a/0" || got != want {
		t.Errorf("got id %s and alternate id %s, want a/0 and %s", tx.ID(), got, want)
	}
	for name, given := range map[string]ergon.Transaction{
		"a user's id":    ergon.NewTransaction("a/0", nil),
		"a made-up id":   ergon.NewTransaction("", nil),
		"after delivery": tx.WithDelivery(ergon.Delivery{Count: 1}),
	} {
		if got := given.AlternateID(digest); got != "" {
			t.Errorf("%s has the alternate id %q, want none", name, got)
		}
	}
	if d := tx.Delivery(); d.Receipt != nil || d.Count != 0 {
		t.Errorf("a derived one has the delivery %+v, want none", d)
	}
}

// [I2] [I5] An alternate id is bounded as other derived ids are, and still tells ids and contents apart.
func TestLongAlternateIDEndsInADigest(t *testing.T) {
	one, other := [16]byte{1}, [16]byte{2}
	alternate := func(id string, content [16]byte) string {
		return ergon.NewTransaction("", nil).WithDerivedID(id).AlternateID(content)
	}
	fits := strings.Repeat("x", 128-len("~")-32)
	if got, want := alternate(fits, one), fits+"~01"+strings.Repeat("0", 30); got != want || len(got) != 128 {
		t.Errorf("an alternate id of 128 bytes became %q, want %q", got, want)
	}
	seen := map[string]bool{}
	for _, id := range []string{fits + "x", fits + "y", strings.Repeat("x", 100_000), strings.Repeat("é", 64)} {
		for _, content := range [][16]byte{one, other} {
			got := alternate(id, content)
			head, digest, cut := strings.Cut(got, "/~")
			if !cut || len(head) != 60 || !strings.HasPrefix(id, head) || len(digest) != 32 || seen[got] {
				t.Errorf("the alternate of an id of %d bytes became %q, seen before: %t", len(id), got, seen[got])
			}
			seen[got] = true
		}
	}
}
