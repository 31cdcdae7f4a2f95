package content_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/connector/file/internal/content"
)

// interrupting is a file of which each read returns ten bytes and then ends the context. The first read fails.
type interrupting struct {
	from   io.ReaderAt
	stop   context.CancelFunc
	failed bool
}

var errDisk = errors.New("the disk is gone")

func (i *interrupting) ReadAt(p []byte, at int64) (int, error) {
	if !i.failed {
		i.failed = true
		return 0, errDisk
	}
	n, err := i.from.ReadAt(p[:min(len(p), 10)], at)
	i.stop()
	return n, err
}

// [I1] A comparison that is interrupted, or meets an error that may pass, continues where it was and comes to its end.
func TestComparisonContinuesWhereItWasInterrupted(t *testing.T) {
	const before = "what was read before, and is read once more"
	for name, c := range map[string]struct {
		now  string
		same bool
	}{
		"the same": {before, true}, "longer": {before + "\n", true}, "shorter": {before[:20], false},
		"another": {strings.Replace(before, "once", "oncf", 1), false},
	} {
		read := content.NewBuffer(strings.NewReader(before), content.Beginning())
		if err := read.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		read.Drop(len(before))
		file := &interrupting{from: strings.NewReader(c.now)}
		comparison := read.Compare(file)
		calls, same, err := 0, false, errDisk
		for ; err != nil && calls < 100; calls++ {
			ctx, cancel := context.WithCancel(t.Context())
			file.stop = cancel
			same, err = comparison.Same(ctx)
			if calls == 0 && !errors.Is(err, errDisk) {
				t.Errorf("%s: got %v, want the error of the disk", name, err)
			}
			cancel()
		}
		if err != nil || same != c.same || calls < 3 {
			t.Errorf("%s: got %t and %v after %d calls, want %t", name, same, err, calls, c.same)
		}
	}
}
