package pairs_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/internal/pairs"
	"github.com/ergon-go/ergon/internal/servertest"
)

var (
	whole  = flag.Bool("whole", false, "run all triples and a sample of the product, not only all pairs")
	seed   = flag.Uint64("seed", 0, "seed of the whole form; 0: by chance")
	sample = flag.Int("sample", 300, "rows of the product in the whole form")
)

// server is the database of the rows that need one.
var server servertest.Postgres

// TestMain makes this test binary the program under test as well.
func TestMain(m *testing.M) {
	pairs.Program()
	os.Exit(servertest.Main(m, &server))
}

// [E2] [I2] [I3] [B3] [S2] [L8] Wherever two parts meet: nothing lost, nothing twice, nothing refused without a cure.
func TestEveryPartWorksWithEveryOther(t *testing.T) {
	t.Parallel()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	axes := pairs.Axes()
	rows := append(pairs.Cover(axes, 2, 1), pairs.Cover(axes, 2, 2)...) // each pair twice, in other company
	if *whole {
		if *seed == 0 {
			*seed = rand.Uint64()
		}
		t.Logf("seed %d", *seed)
		rows = append(pairs.Cover(axes, 3, *seed), pairs.Sample(axes, *sample, *seed)...)
	}
	slices.SortFunc(rows, func(a, b pairs.Row) int { return strings.Compare(a.String(), b.String()) })
	for _, row := range slices.Compact(rows) {
		t.Run(row.String(), func(t *testing.T) {
			t.Parallel()
			database := ""
			if row.NeedsPostgres() {
				database = server.URL(t)
			}
			if err := pairs.RunRow(t.Context(), row, t.TempDir(), binary, database); err != nil {
				t.Error(err)
			}
		})
	}
}
