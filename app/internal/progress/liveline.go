package progress

import (
	"bytes"
	"io"
	"sync"
)

// LiveLine keeps a line at the bottom of a terminal that is redrawn in place, below everything else that is written.
// Whatever goes to the terminal has to go through it. It is safe for concurrent use; the zero value needs its terminal.
type LiveLine struct {
	Terminal io.Writer

	mu   sync.Mutex
	line string // "" for none
	mid  bool   // what was written last did not end its line: the live line waits for that
}

var _ io.Writer = (*LiveLine)(nil)

const clearLine = "\r\x1b[K"

// Write writes text where the line was, and the line again below it.
func (l *LiveLine) Write(text []byte) (int, error) {
	if len(text) == 0 {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var b bytes.Buffer
	if l.shown() {
		b.WriteString(clearLine)
	}
	b.Write(text)
	l.mid = !bytes.HasSuffix(text, []byte("\n"))
	if l.shown() {
		b.WriteString(l.line)
	}
	if _, err := l.Terminal.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// Show replaces the line, which must fit into the terminal's width; "" clears it. An error is of no interest to anybody:
// a terminal that is gone needs no progress.
func (l *LiveLine) Show(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if line == l.line {
		return
	}
	was := l.shown()
	l.line = line
	if was || l.shown() {
		_, _ = io.WriteString(l.Terminal, clearLine+line)
	}
}

func (l *LiveLine) shown() bool { return l.line != "" && !l.mid }
