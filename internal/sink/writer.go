package sink

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// maxWrites is how many writes may wait.
const maxWrites = 4096

// Writer hands what is written to another writer by a queue: to write never waits and never fails.
type Writer struct {
	to     io.Writer
	writes *Queue[[]byte]
}

var _ io.Writer = (*Writer)(nil)

// NewWriter puts a queue in front of to.
func NewWriter(to io.Writer) *Writer {
	w := &Writer{to: to}
	w.writes = NewQueue(maxWrites, func(text []byte) {
		if n := w.writes.Dropped(); n > 0 {
			_, _ = fmt.Fprintf(to, "(here something is missing: nobody read this for so long that %d writes were dropped)\n", n)
		}
		_, _ = to.Write(text)
	})
	return w
}

// Write keeps a copy of text.
func (w *Writer) Write(text []byte) (int, error) {
	w.writes.Put(slices.Clone(text))
	return len(text), nil
}

// Unwrap is the writer behind the queue.
func (w *Writer) Unwrap() io.Writer { return w.to }

// Flush waits for what was written, as [Queue.Flush] does.
func (w *Writer) Flush(patience, most time.Duration, force <-chan struct{}) (left int) {
	return w.writes.Flush(patience, most, force)
}
