package progress

import (
	"bytes"
	"io"
	"sync"
)

// LiveLine redraws a line at the bottom of a terminal, below all other output. Everything that is written to the terminal must go
// through it. It is safe for concurrent use. Terminal must be set.
type LiveLine struct {
	Terminal io.Writer

	mu   sync.Mutex
	line string // "" for none
	mid  bool   // the last output did not end its line: the live line waits for that
}

var _ io.Writer = (*LiveLine)(nil)

const clearLine = "\r\x1b[K"

// Write writes text in place of the line, and the line below it.
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

// Show replaces the line, which must fit into the width of the terminal; "" clears it. Errors are ignored: a closed terminal
// needs no progress.
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
