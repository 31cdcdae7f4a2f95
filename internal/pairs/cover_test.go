package pairs_test

import (
	"testing"

	"github.com/ergon-go/ergon/internal/pairs"
)

func TestRowsCoverAllPairsAndTriples(t *testing.T) {
	axes := pairs.Axes()
	wanted := map[int]int{2: 75}
	if *whole {
		wanted[3] = 450
	}
	for strength, most := range wanted {
		rows := pairs.Cover(axes, strength, 1)
		if n := pairs.Uncovered(axes, strength, rows); n != 0 {
			t.Errorf("%d combinations of %d axes are in none of %d rows", n, strength, len(rows))
		}
		if len(rows) > most {
			t.Errorf("combinations of %d axes take %d rows, want at most %d", strength, len(rows), most)
		}
		if n := pairs.Uncovered(axes, strength, rows[1:]); n == 0 {
			t.Errorf("the first of %d rows for combinations of %d axes adds nothing", len(rows), strength)
		}
	}
}

// A row that is refused shows little, so a combination that some row can run is in a row that does.
func TestCombinationsThatCanRunAreInRowsThatRun(t *testing.T) {
	axes := pairs.Axes()
	var running []pairs.Row
	for _, row := range pairs.Cover(axes, 2, 1) {
		if len(pairs.Cures(row)) == 0 {
			running = append(running, row)
		}
	}
	possible := pairs.Sample(axes, 20_000, 1)
	var runnable []pairs.Row
	for _, row := range possible {
		if len(pairs.Cures(row)) == 0 {
			runnable = append(runnable, row)
		}
	}
	if got, want := pairs.Uncovered(axes, 2, running), pairs.Uncovered(axes, 2, runnable); got > want {
		t.Errorf("%d pairs are in no row that runs, want %d", got, want)
	}
}
