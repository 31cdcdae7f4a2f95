package observe_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/observe"
)

func bucketsOf(at ...time.Duration) observe.PhaseStats {
	var all observe.PhaseStats
	for _, d := range at {
		all = all.Plus(observe.PhaseStats{Count: 1, Buckets: []observe.Bucket{{UpTo: d, Count: 1}}})
	}
	return all
}

func TestPercentilesOfTwoLoopsAreThoseOfAllThatBothDid(t *testing.T) {
	fast, slow := make([]time.Duration, 198), []time.Duration{8 * time.Second, 9 * time.Second}
	for i := range fast {
		fast[i] = time.Second
	}
	for name, c := range map[string]struct {
		a, b          []time.Duration
		p50, p99, max time.Duration
	}{
		"nothing":                   {nil, nil, 0, 0, 0},
		"one side":                  {nil, []time.Duration{3}, 3, 3, 3},
		"two in a hundred are slow": {fast, slow, time.Second, time.Second, 9 * time.Second},
		"three are":                 {fast[:197], append(slow, 7*time.Second), time.Second, 7 * time.Second, 9 * time.Second},
		"half of an even number":    {[]time.Duration{1, 4}, []time.Duration{2, 3}, 2, 4, 4},
		"half of an odd number":     {[]time.Duration{1, 5}, []time.Duration{2, 3, 4}, 3, 5, 5},
	} {
		got := bucketsOf(c.a...).Plus(bucketsOf(c.b...))
		if got.Count != int64(len(c.a)+len(c.b)) || got.P50 != c.p50 || got.P99 != c.p99 || got.Max != c.max {
			t.Errorf("%s: got %+v, want p50 %s, p99 %s, max %s", name, got, c.p50, c.p99, c.max)
		}
	}
}

// What is merged does not depend on the order, nor does merging change what it merges.
func TestMergingIsTheSameInAnyOrder(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	random := func() observe.PhaseStats {
		at := make([]time.Duration, chance.IntN(50))
		for i := range at {
			at[i] = time.Duration(chance.IntN(20))
		}
		return bucketsOf(at...)
	}
	for range 100 {
		a, b, c := random(), random(), random()
		before := a.Plus(observe.PhaseStats{})
		left, right := a.Plus(b).Plus(c), c.Plus(a.Plus(b))
		if diff := cmp.Diff(left, right); diff != "" {
			t.Fatalf("(-one order +another):\n%s", diff)
		}
		if diff := cmp.Diff(before, a); diff != "" && a.Count > 0 {
			t.Fatalf("merging changed what it merged (-before +after):\n%s", diff)
		}
	}
}
