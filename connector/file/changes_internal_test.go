package file

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
)

// interrupting reads a file whose reader is told to stop after each read, and fails once.
type interrupting struct {
	from   io.Reader
	stop   context.CancelFunc
	failed bool
}

var errDisk = errors.New("the disk is gone")

func (i *interrupting) Read(p []byte) (int, error) {
	if !i.failed {
		i.failed = true
		return 0, errDisk
	}
	n, err := i.from.Read(p[:min(len(p), 10)])
	i.stop()
	return n, err
}

// [I1] A comparison that is cut short, or meets an error that may pass, goes on where it was, and comes to its end.
func TestComparisonGoesOnWhereItWasCutShort(t *testing.T) {
	const content = "what was read before, and is read once more"
	for name, c := range map[string]struct {
		is   string
		same bool
	}{
		"the same": {content, true}, "more": {content + "\n", true}, "less": {content[:20], false},
		"another": {strings.Replace(content, "once", "once"[:3]+"f", 1), false},
	} {
		reader := &interrupting{from: strings.NewReader(c.is)}
		r := &rereading{from: reader, to: position{Offset: int64(len(content)), Sum: crc32.ChecksumIEEE([]byte(content))}}
		calls, same, err := 0, false, errDisk
		for ; err != nil && calls < 100; calls++ {
			ctx, cancel := context.WithCancel(t.Context())
			reader.stop = cancel
			same, err = r.compare(ctx)
			if calls == 0 && !errors.Is(err, errDisk) {
				t.Errorf("%s: got %v, want that of the disk", name, err)
			}
			cancel()
		}
		if err != nil || same != c.same || calls < 3 {
			t.Errorf("%s: got %t and %v after %d calls, want %t", name, same, err, calls, c.same)
		}
	}
}
