package crashrun_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/internal/crashrun"
)

// The check finds each thing that a crash could do wrong.
func TestWhatIsLostOrThereTwiceIsFound(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SIGTERM needs a Unix system")
	}
	setup := crashrun.Setup{
		Folder: t.TempDir(), Items: 60, Durability: sqlite.DurabilityNormal, Lease: time.Minute, Grace: time.Minute, MaxDeliveries: 1,
	}
	if err := setup.Undisturbed(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost, err := setup.Lose(t.Context(), "effects")
	if err != nil {
		t.Fatal(err)
	}
	for _, put := range []func() error{
		func() error { return setup.Put(t.Context(), "effects", 11, 1) },
		func() error { return setup.Put(t.Context(), "trail", 12, 2) },
		func() error { return setup.Put(t.Context(), "trail", 77, 1) },
		func() error { return setup.Put(t.Context(), "out", 13, 1) },
		func() error { return setup.Accept("t000099") },
	} {
		if err := put(); err != nil {
			t.Fatal(err)
		}
	}
	_, err = setup.Verify(t.Context(), true)
	if err == nil {
		t.Fatal("nothing was found")
	}
	for _, want := range []string{
		"accepted: 61, want 60",
		"left in queue out: 1, want 0",
		fmt.Sprintf("effects of t%06d: 0, want 1", lost),
		"effects of t000011: 2, want 1",
		"trail of t000012: 2, want 1",
		"trail of t000012: 2 deliveries were counted, want 1",
		"trail of t000077, which nobody was told is accepted",
		"trail of t000099: 0, want 1",
		"effects of t000099: 0, want 1",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
