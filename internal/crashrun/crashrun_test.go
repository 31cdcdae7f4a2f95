package crashrun_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/ergon-go/ergon/internal/crashrun"
)

// TestMain makes this test binary the victim as well.
func TestMain(m *testing.M) {
	if code, victim := crashrun.Victim(); victim {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// [B3] [E2] [E3] [P4] [S2] [S3] [S5] Whatever dies, whenever: what was accepted has its effect, once.
func TestNothingIsLostOrDoneTwiceWhateverDies(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("worker processes need a Unix system")
	}
	plan := crashrun.Short()
	for _, phase := range crashrun.Phases() {
		t.Run(phase.Name, func(t *testing.T) {
			folder, err := os.MkdirTemp("", "ergon-crash-") //nolint:usetesting // a failure keeps it
			if err != nil {
				t.Fatal(err)
			}
			if err := phase.Run(t.Context(), plan, folder, t.Output()); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(folder); err != nil {
				t.Error(err)
			}
		})
	}
}
