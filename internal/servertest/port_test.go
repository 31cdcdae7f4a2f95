package servertest_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ergon-go/ergon/internal/servertest"
)

func TestListenersOfOtherInterfacesAreFound(t *testing.T) {
	t.Parallel()
	table := filepath.Join(t.TempDir(), "tcp")
	const text = `  sl  local_address rem_address   st tx_queue
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000
   1: 00000000:1538 00000000:0000 0A 00000000:00000000
   2: 00000000:1538 0100007F:0001 01 00000000:00000000
   3: 00000000:1539 00000000:0000 0A 00000000:00000000
   4: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A 0
   5: 00000000000000000000000000000000:1538 00000000000000000000000000000000:0000 0A 0
`
	if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := servertest.ForeignListeners(0x1538, table, filepath.Join(t.TempDir(), "none"))
	if want := []string{"00000000:1538", "00000000000000000000000000000000:1538"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
