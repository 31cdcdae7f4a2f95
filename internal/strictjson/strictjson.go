// Package strictjson decodes JSON and never shows in an error what the JSON holds.
package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Decode decodes as encoding/json does, but refuses invalid UTF-8, which that would silently replace. The text of its error
// says what is wrong and where, without a part of data; the error that it wraps may quote data.
func Decode(data []byte, into any) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("not JSON: the text is not valid UTF-8, at byte %d", firstInvalid(data))
	}
	err := json.Unmarshal(data, into)
	if err == nil {
		return nil
	}
	return &jsonError{text: describeJSON(err), err: err}
}

func firstInvalid(data []byte) int {
	at := 0
	for {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			return at
		}
		at += size
	}
}

// jsonError has the text that may be logged; what it wraps may quote the payload.
type jsonError struct {
	text string
	err  error
}

func (e *jsonError) Error() string { return e.text }
func (e *jsonError) Unwrap() error { return e.err }

func describeJSON(err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("not JSON: %v, at byte %d", syntax, syntax.Offset)
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(mismatch.Value, " ") // what follows "number" is the number itself
		return fmt.Sprintf("field %q, at byte %d: the %s does not fit %s", mismatch.Field, mismatch.Offset, kind, mismatch.Type)
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return "a text is not a time as RFC 3339 writes it"
	}
	if text := err.Error(); !strings.Contains(text, ",string struct tag") {
		return text // of an UnmarshalJSON or UnmarshalText; its author decides what it shows
	}
	return "a text does not hold what the ,string tag of its field says"
}
