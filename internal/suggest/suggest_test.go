package suggest_test

import (
	"slices"
	"testing"

	"github.com/ergon-go/ergon/internal/suggest"
)

func TestOneIsTheNearestAndOnlyIfAThirdDiffersAtMost(t *testing.T) {
	known := []string{"retry", "timeout", "max_attempts", "Input", "output"}
	for name, want := range map[string]string{
		"retrys": "retry", "rety": "retry", "retyr": "retry", "RETRY": "retry", "maxattempts": "max_attempts",
		"max-attempts": "max_attempts",
		"input":        "Input", "timout": "timeout", "tuo": "", "": "", "x": "",
		"attempts": "", "retry": "retry", "ouptut": "output", "ünput": "Input",
	} {
		if got := suggest.One(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestNamesAreTheNearestFirstAndThoseThatItIsAPartOf(t *testing.T) {
	known := []string{"orders", "orders-retry", "order", "prices", "reorder"}
	for name, want := range map[string][]string{
		"order": {"order", "orders", "reorder"}, "price": {"prices"}, "retry": {"orders-retry"}, "nothing": nil, "": nil,
	} {
		if got := suggest.Names(name, known); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
