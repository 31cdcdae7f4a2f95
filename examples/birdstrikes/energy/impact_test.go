package energy_test

import (
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/examples/birdstrikes/energy"
)

func TestEnergyIsHalfTheMassTimesTheSquareOfTheSpeed(t *testing.T) {
	service := energy.NewService(energy.Faults{})
	for name, c := range map[string]struct {
		size  energy.Size
		knots float64
		want  energy.Joules
	}{
		"small, 80 g at 51.4 m/s":       {energy.Small, 100, 106},
		"medium, 1.1 kg at 51.4 m/s":    {energy.Medium, 100, 1456},
		"large, 4 kg at 51.4 m/s":       {energy.Large, 100, 5293},
		"twice the speed is four times": {energy.Large, 200, 21172},
		"standing still":                {energy.Large, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := service.Estimate(t.Context(), energy.Impact{Report: "strikes.csv:2", Size: c.size, Knots: c.knots})
			if err != nil || got != c.want {
				t.Errorf("got %v J, %v; want %v J", got, err, c.want)
			}
		})
	}
}

func TestSizeThatIsNotKnownIsNotWorthAnotherAttempt(t *testing.T) {
	_, err := energy.NewService(energy.Faults{}).Estimate(t.Context(), energy.Impact{Size: "Huge", Knots: 100})
	if got := ergon.CategoryOf(err); got != ergon.CategoryBusiness || !strings.Contains(err.Error(), `"Huge"`) {
		t.Errorf("got %v, %v; want BUSINESS and the size", got, err)
	}
}
