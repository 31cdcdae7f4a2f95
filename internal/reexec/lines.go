package reexec

import "bytes"

// maxLine is how much of a line is buffered until its end comes. A longer line is split.
const maxLine = 1 << 20

// lineSplitter is a writer that calls emit with each line.
type lineSplitter struct {
	emit    func(line []byte)
	partial []byte // the last line, without its end yet
}

// Write never fails.
func (l *lineSplitter) Write(text []byte) (int, error) {
	l.partial = append(l.partial, text...)
	left := l.partial
	for {
		end := bytes.IndexByte(left, '\n') + 1
		switch {
		case end > 0:
			l.emit(left[:end])
			left = left[end:]
		case len(left) >= maxLine:
			l.emit(append(bytes.Clone(left[:maxLine]), '\n'))
			left = left[maxLine:]
		default:
			l.partial = append(l.partial[:0], left...)
			return len(text), nil
		}
	}
}

// flush emits the last line, with a line end if it has none.
func (l *lineSplitter) flush() {
	if len(l.partial) > 0 {
		l.emit(append(l.partial, '\n'))
		l.partial = nil
	}
}
