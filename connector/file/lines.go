package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

const jsonSpace = " \t\r\n"

// lines splits a file into its lines.
type lines struct{ open bool }

func (l *lines) scan(data []byte, last bool) (int, verdict) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		l.open = false
		return i + 1, whole
	}
	l.open = l.open || len(data) > 0
	switch {
	case !last:
		return len(data), goesOn
	case !l.open:
		return 0, over
	default:
		l.open = false
		return len(data), whole
	}
}

func (*lines) fault() fault { return fault{} }

func (*lines) blank(content []byte) bool { return len(bytes.Trim(content, jsonSpace)) == 0 }

// jsonPayload is a JSON value as it stands in the file, or why it is none.
func jsonPayload(content []byte) ([]byte, string) {
	content = bytes.Trim(content, jsonSpace)
	if !utf8.Valid(content) {
		return nil, "is not valid UTF-8; convert the file to UTF-8, for example with iconv"
	}
	if json.Valid(content) {
		return bytes.Clone(content), ""
	}
	var value json.RawMessage
	err := json.Unmarshal(content, &value)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, fmt.Sprintf("is not JSON: %s, at byte %d of it", syntax.Error(), syntax.Offset)
	}
	return nil, "is not JSON"
}
