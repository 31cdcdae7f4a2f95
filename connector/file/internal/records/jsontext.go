package records

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

const jsonSpace = " \t\r\n"

// jsonPayload returns a JSON value as it is written in the file, or why it is malformed.
func jsonPayload(data []byte) (payload []byte, problem string) {
	data = bytes.Trim(data, jsonSpace)
	if !utf8.Valid(data) {
		return nil, "is not valid UTF-8; convert the file to UTF-8, for example with iconv"
	}
	if json.Valid(data) {
		return bytes.Clone(data), ""
	}
	var value json.RawMessage
	err := json.Unmarshal(data, &value)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, fmt.Sprintf("is not JSON: %s, at byte %d of it", syntax.Error(), syntax.Offset)
	}
	return nil, "is not JSON"
}

func isJSONNumber(value []byte) bool {
	first, last := value[0], value[len(value)-1]
	return (first == '-' || isDigit(first)) && isDigit(last) && json.Valid(value)
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// appendJSONString appends valid UTF-8 as a JSON string.
func appendJSONString(to, text []byte) []byte {
	to = append(to, '"')
	copied := 0
	for i, b := range text {
		if b >= ' ' && b != '"' && b != '\\' {
			continue
		}
		to = append(to, text[copied:i]...)
		copied = i + 1
		switch b {
		case '"', '\\':
			to = append(to, '\\', b)
		case '\n':
			to = append(to, '\\', 'n')
		case '\r':
			to = append(to, '\\', 'r')
		case '\t':
			to = append(to, '\\', 't')
		default:
			const hex = "0123456789abcdef"
			to = append(to, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
	}
	return append(append(to, text[copied:]...), '"')
}
