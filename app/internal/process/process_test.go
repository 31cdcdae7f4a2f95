package process_test

import (
	"io"
	"testing"

	"github.com/ergon-go/ergon/app/internal/process"
)

func TestOnlyATerminalHasColumns(t *testing.T) {
	if width, ok := process.Columns(io.Discard); ok {
		t.Errorf("a writer that is no file has %d columns", width)
	}
}
