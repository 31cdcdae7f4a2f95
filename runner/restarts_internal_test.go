package runner

import (
	"slices"
	"testing"
	"time"

	"github.com/ergon-go/ergon/policy"
)

// [E2] 0.5 s, doubling. A process that ended a transaction had a result; one that only fetched had none.
func TestFruitlessDeathsInARowAreBounded(t *testing.T) {
	withoutResult := Snapshot{Fetched: 5, Started: 5}
	hadResult := Snapshot{Outcomes: map[Outcome]int64{DeadLettered: 1}}
	stable := Snapshot{Elapsed: time.Minute, Phases: map[policy.Phase]PhaseStats{policy.PhaseFetch: {Count: 2}}}
	const half = 500 * time.Millisecond
	for name, c := range map[string]struct {
		processes []Snapshot
		want      []time.Duration
		givenUp   bool
	}{
		"without result": {[]Snapshot{withoutResult, withoutResult, withoutResult}, []time.Duration{half, 2 * half}, true},
		"fruitful in a row": {
			[]Snapshot{hadResult, hadResult, hadResult, hadResult}, []time.Duration{half, 2 * half, 4 * half, 8 * half}, false,
		},
		"one in between": {
			[]Snapshot{withoutResult, withoutResult, hadResult, withoutResult, withoutResult},
			[]time.Duration{half, 2 * half, 4 * half, 8 * half, 16 * half},
			false,
		},
		"a minute without work": {
			[]Snapshot{withoutResult, withoutResult, stable, withoutResult},
			[]time.Duration{half, 2 * half, half, 2 * half},
			false,
		},
	} {
		r, got, givenUp := newRestarts(func() float64 { return 0 }, 3), []time.Duration(nil), false
		for _, last := range c.processes {
			delay, again := r.afterDeath(last)
			if givenUp = !again; givenUp {
				break
			}
			got = append(got, delay)
		}
		if !slices.Equal(got, c.want) || givenUp != c.givenUp {
			t.Errorf("%s: got %v, given up %v; want %v, %v", name, got, givenUp, c.want, c.givenUp)
		}
	}
}
