package reexec

import "bytes"

// longestLine is how much of a line is held back until its end comes.
const longestLine = 1 << 20

// lines takes what is written to it apart into lines.
type lines struct {
	emit func(line []byte)
	rest []byte
}

// Write never fails.
func (l *lines) Write(text []byte) (int, error) {
	l.rest = append(l.rest, text...)
	left := l.rest
	for {
		end := bytes.IndexByte(left, '\n') + 1
		if end == 0 && len(left) >= longestLine {
			end = longestLine
		}
		if end == 0 {
			l.rest = append(l.rest[:0], left...)
			return len(text), nil
		}
		l.emit(left[:end])
		left = left[end:]
	}
}

// flush emits what has no end of its own, with one.
func (l *lines) flush() {
	if len(l.rest) > 0 {
		l.emit(append(l.rest, '\n'))
		l.rest = nil
	}
}
