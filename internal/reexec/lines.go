package reexec

import "bytes"

// longestLine is how much of a line is held back until its end comes; a longer one is taken apart.
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
		switch {
		case end > 0:
			l.emit(left[:end])
			left = left[end:]
		case len(left) >= longestLine:
			l.emit(append(bytes.Clone(left[:longestLine]), '\n'))
			left = left[longestLine:]
		default:
			l.rest = append(l.rest[:0], left...)
			return len(text), nil
		}
	}
}

// flush emits what has no end of its own, with one.
func (l *lines) flush() {
	if len(l.rest) > 0 {
		l.emit(append(l.rest, '\n'))
		l.rest = nil
	}
}
