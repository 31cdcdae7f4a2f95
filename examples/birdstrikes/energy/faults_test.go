package energy_test

import (
	"strings"
	"testing"

	"github.com/ergon-go/ergon/examples/birdstrikes/energy"
)

func TestFaultsAreSharesThatAddUpToOneAtMost(t *testing.T) {
	nan := 0.0
	nan /= nan
	for name, c := range map[string]struct {
		faults energy.Faults
		want   []string
	}{
		"none":               {energy.Faults{}, nil},
		"all":                {energy.Faults{Unavailable: 0.5, Hanging: 0.5}, nil},
		"more than all":      {energy.Faults{Unavailable: 0.75, Hanging: 0.5}, []string{"hanging: is 0.5", "unavailable 0.75"}},
		"percent, and minus": {energy.Faults{Unavailable: 10, Hanging: -1}, []string{"unavailable: is 10", "hanging: is -1"}},
		"no number":          {energy.Faults{Hanging: nan}, []string{"hanging: is NaN"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.faults.Validate()
			if (err == nil) != (c.want == nil) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}
