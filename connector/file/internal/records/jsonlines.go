package records

import (
	"bytes"

	"github.com/ergon-go/ergon/connector/file/internal/content"
)

// NewJSONLines reads a JSON value from each line. Lines of white space are ignored.
func NewJSONLines(in *content.Buffer, maxBytes int) *Reader {
	r := newReader(in, &lineSplitter{}, maxBytes)
	r.decode = jsonPayload
	return r
}

// lineSplitter splits a file into its lines.
type lineSplitter struct{ open bool }

func (l *lineSplitter) scan(data []byte, last bool) (int, verdict) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		l.open = false
		return i + 1, complete
	}
	l.open = l.open || len(data) > 0
	switch {
	case !last:
		return len(data), incomplete
	case !l.open:
		return 0, ended
	default:
		l.open = false
		return len(data), complete
	}
}

func (*lineSplitter) fault() fault { return fault{} }

func (*lineSplitter) blank(data []byte) bool { return len(bytes.Trim(data, jsonSpace)) == 0 }
