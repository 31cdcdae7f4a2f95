package file

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"unicode/utf8"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/deadletter"
)

// envelope is a line with the id and the metadata of a payload.
type envelope struct {
	ID       string            `json:"id"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Payload  any               `json:"payload"`
}

// encoder makes lines of transactions.
type encoder struct {
	lines     bytes.Buffer
	json      *json.Encoder
	enveloped bool
}

func newEncoder(enveloped bool) *encoder {
	e := &encoder{enveloped: enveloped}
	e.json = json.NewEncoder(&e.lines)
	e.json.SetEscapeHTML(false)
	return e
}

// add appends a line, or nothing with an error.
func (e *encoder) add(t ergon.Transaction) error {
	value := presentable(t.Payload())
	if e.enveloped {
		value = envelope{ID: t.ID(), Metadata: maps.Collect(t.AllMetadata()), Payload: value}
	}
	if err := e.json.Encode(value); err != nil {
		return fmt.Errorf("file sink: encode transaction %s: %w", t.ID(), err)
	}
	return nil
}

// presentable returns the value that is encoded for a payload.
func presentable(payload any) any {
	switch p := payload.(type) {
	case []byte:
		return asJSON(p)
	case deadletter.Record: // never fails, whatever it holds: a dead letter is the last to hold it
		return p.Encoded()
	case *deadletter.Record:
		if p != nil {
			return p.Encoded()
		}
	}
	return payload
}

// asJSON returns bytes that are JSON as they are, text as a string, and other bytes in base64.
func asJSON(data []byte) any {
	if utf8.Valid(data) && json.Valid(data) {
		return json.RawMessage(data)
	}
	return readable(data)
}
