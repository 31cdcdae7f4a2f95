package sink_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/internal/sink"
)

// stuckWriter hangs until it is released.
type stuckWriter struct {
	release chan struct{}
	text    strings.Builder
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	<-w.release
	return w.text.Write(p)
}

// [F4] Who writes to a pipe that nobody reads does not wait, and what was written can be used again; the end waits a second.
func TestWriterOfAPipeThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := &stuckWriter{release: make(chan struct{})}
		w := sink.NewWriter(pipe)
		began := time.Now()
		buffer := []byte("0\n")
		for range 5000 {
			if n, err := w.Write(buffer); n != 2 || err != nil {
				t.Fatalf("got %d, %v", n, err)
			}
			buffer[0] = '1'
		}
		if left := w.Flush(time.Second, time.Minute, nil); left == 0 || time.Since(began) != time.Second {
			t.Errorf("after %s %d are left, want some after 1s", time.Since(began), left)
		}
		close(pipe.release)
		if left := w.Flush(time.Second, time.Minute, nil); left != 0 {
			t.Errorf("%d are left", left)
		}
		got := pipe.text.String()
		if !strings.Contains(got, "writes were dropped") || strings.Count(got, "0\n") != 1 || strings.Count(got, "1\n") < 4000 {
			t.Errorf("got %d bytes: %.200s", len(got), got)
		}
	})
}
