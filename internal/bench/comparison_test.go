package bench_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/bench"
)

// slow takes so long for each item, in virtual time.
func slow(name string, each time.Duration, order *[]string) bench.Contestant {
	return bench.Contestant{Name: name, Run: func(_ context.Context, items int, _ bench.Work) (int, error) {
		*order = append(*order, name)
		time.Sleep(time.Duration(items) * each)
		return items, nil
	}}
}

func rounds(t *testing.T, n int, length time.Duration, entries ...bench.Entry) []bench.Row {
	t.Helper()
	comparison, err := bench.Compare(t.Context(), length, entries...)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := comparison.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return comparison.Rows()
}

func TestComparisonAlternatesItsEntriesAndFindsTheirRatio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		rows := rounds(t, 3, 60*time.Millisecond, bench.Entries([]bench.Contestant{
			slow("fast", time.Microsecond, &order), slow("slow", 3*time.Microsecond, &order),
		}, bench.Noop())...)
		if got, _ := rows[1].Ratio(rows[0]); math.Abs(got-3) > 1e-9 {
			t.Errorf("ratio %g, want 3", got)
		}
		if got := rows[0].Median().Wall; math.Abs(got-1000) > 1e-9 {
			t.Errorf("%g ns an item, want 1000", got)
		}
		last := order[len(order)-6:]
		measured := fmt.Sprintf("%s %s, %s %s, %s %s", last[0], last[1], last[2], last[3], last[4], last[5])
		if want := "fast slow, slow fast, fast slow"; measured != want {
			t.Errorf("measured in the order %q, want %q", measured, want)
		}
		if n := len(rows[0].Rounds); n != 3 {
			t.Errorf("%d rounds, want 3", n)
		}
	})
}

func TestComparisonRunsAsManyItemsAsAnEntrySays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs []int
		rounds(t, 1, 3*time.Millisecond, bench.Entry{Items: 7, Contestant: bench.Contestant{
			Run: func(_ context.Context, items int, _ bench.Work) (int, error) {
				runs = append(runs, items)
				time.Sleep(time.Millisecond)
				return items, nil
			},
		}})
		if want := []int{7, 7, 7, 7}; !slices.Equal(runs, want) { // one to see how long it takes, three to fill the turn
			t.Errorf("runs of %v items, want %v", runs, want)
		}
	})
}

func TestMeasurementInWhichAnItemIsMissingIsAnError(t *testing.T) {
	_, err := bench.Measure(t.Context(), bench.Contestant{
		Name: "careless",
		Run:  func(_ context.Context, items int, _ bench.Work) (int, error) { return items - 1, nil },
	}, 10, 1, bench.Noop())
	if err == nil || !strings.Contains(err.Error(), "careless: 9 of 10 items succeeded") {
		t.Errorf("error %v, want one that names the contestant and the missing item", err)
	}
}

func TestMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{4}, 4}, {[]float64{9, 1, 4}, 4}, {[]float64{8, 1, 100, 2}, 5},
	} {
		if got := bench.Median(c.values); got != c.want {
			t.Errorf("median of %v is %g, want %g", c.values, got, c.want)
		}
	}
}

func TestDifferenceOfRowsIsTakenRoundByRound(t *testing.T) {
	a := bench.Row{Rounds: []bench.Figures{{Wall: 10, Allocs: 3}, {Wall: 100, Allocs: 3}, {Wall: 12, Allocs: 3}}}
	b := bench.Row{Rounds: []bench.Figures{{Wall: 4, Allocs: 1}, {Wall: 95, Allocs: 1}, {Wall: 5, Allocs: 1}}}
	got := a.Minus(b, "more")
	if m := got.Median(); got.Name != "more" || m.Wall != 6 || m.Allocs != 2 {
		t.Errorf("%q takes %g ns and %g allocations, want \"more\" with 6 and 2", got.Name, m.Wall, m.Allocs)
	}
	if low, high := a.Spread(b); low != 100.0/95 || high != 2.5 {
		t.Errorf("ratios from %g to %g, want from %g to 2.5", low, high, 100.0/95)
	}
}
